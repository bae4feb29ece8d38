using Google.Rpc;
using Gradients.Engine;
using Gradients.Server.Hosting;
using Grpc.Core;
using Status = Google.Rpc.Status;

namespace Gradients.Server.Errors;

/// <summary>Turns whatever a request ended with into a status.</summary>
internal static class Failure
{
    /// <param name="timedOut">The deadline or the command's timeout has passed.</param>
    /// <param name="over">The call was cancelled or its connection is gone: reads and writes fail in several ways then.</param>
    /// <param name="fault">True when the exception is none that a request may end with.</param>
    public static Status Of(Exception exception, bool timedOut, bool over, Drain drain, string traceId, out bool fault)
    {
        fault = false;
        switch (exception)
        {
            case GradientsException e:
                return ErrorStatus.Of(e, traceId);
            case RpcException e when e.GetRpcStatus() is { } status:
                return status;
            case OperationCanceledException or InvalidOperationException when timedOut:
                return ErrorStatus.Of(StatusCode.DeadlineExceeded, ErrorReasons.DeadlineExceeded, "The deadline passed; nothing has changed.", traceId: traceId);
            case OperationCanceledException when drain.Aborted.IsCancellationRequested:
                return ErrorStatus.Of(Drain.Refusal(), traceId);
            case OperationCanceledException or IOException:
            case InvalidOperationException when over:
                return ErrorStatus.Of(StatusCode.Cancelled, ErrorReasons.Cancelled, "The request was cancelled; nothing has changed.", traceId: traceId);
            // The framework's own refusal of a message, such as one that is too large: FrameworkErrors knows its reason.
            case RpcException e:
                return FrameworkErrors.Of(e.StatusCode, e.Status.Detail);
            default:
                fault = true;
                return ErrorStatus.Of(StatusCode.Internal, ErrorReasons.InternalError, "A fault of the server; the trace id leads to it.", traceId: traceId);
        }
    }
}
