using System.Diagnostics;
using Gradients.Engine.Execution;
using Gradients.Engine.Sessions;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions;

/// <summary>What a command is executed with.</summary>
/// <param name="Wire">The memory of its reply.</param>
/// <param name="Failures">What its exceptions mean, for a reply that tells of one.</param>
/// <param name="Tag">The command's tag on its stream; 0 for unary ones.</param>
internal readonly record struct CommandContext(EngineHost Host, GradientsServerOptions Options, ActivityContext Trace, WireCharge Wire, IFailures Failures, CancellationToken Cancellation, ulong Tag = 0)
{
    /// <summary>Has the stream that owns the session asked for what only its client can compute.</summary>
    public CalloutHandler Callouts(ServerSession session)
    {
        var context = this;
        return (callout, cancellation) => session.AskAsync(callout, context.Tag, context.Trace.TraceId.ToHexString(), cancellation);
    }

    public TensorReader Tensors(ServerSession session) => new(Host, session.Engine.Tenant, session.Handles, Options);
}
