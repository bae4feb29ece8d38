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
internal readonly record struct CommandContext(EngineHost Host, GradientsServerOptions Options, ActivityContext Trace, WireCharge Wire, IFailures Failures, CancellationToken Cancellation)
{
    public TensorReader Tensors(GraphSession session) => new(Host, session.Tenant, session, Options);
}
