using System.Diagnostics;
using Gradients.Engine.Execution;
using Gradients.Engine.Sessions;
using Gradients.Server.Hosting;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions;

/// <summary>What a command is executed with.</summary>
internal readonly record struct CommandContext(EngineHost Host, GradientsServerOptions Options, ActivityContext Trace, CancellationToken Cancellation)
{
    public TensorReader Tensors(GraphSession? session) => new(Host, session, Options);
}
