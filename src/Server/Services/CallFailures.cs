using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Sessions;
using Grpc.Core;
using Status = Google.Rpc.Status;

namespace Gradients.Server.Services;

/// <summary>What exceptions of a call mean.</summary>
internal sealed class CallFailures(ServerCallContext context, Drain drain) : IFailures
{
    public Status StatusOf(Exception e) => StatusOf(e, out _);

    /// <param name="fault">True when the exception is none that a request may end with.</param>
    public Status StatusOf(Exception e, out bool fault)
    {
        var timedOut = context.Deadline <= TimeProvider.System.GetUtcNow().UtcDateTime;
        return Failure.Of(e, timedOut, context.CancellationToken.IsCancellationRequested, drain, CallScope.Of(context).Activity.TraceId, out fault);
    }
}
