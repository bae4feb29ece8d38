using Google.Protobuf;
using Gradients.Engine.Sessions;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class ApplyGradientsCommand(V1.ApplyGradientsRequest request) : Command
{
    public override string Name => "apply_gradients";

    public override string Session => request.Session;

    protected override IMessage Request => request;

    protected override V1.RequestId? TakeId()
    {
        var id = request.RequestId;
        request.RequestId = null;
        request.Session = "";
        return id;
    }

    protected override async ValueTask<Reply> ExecuteAsync(ServerSession session, CommandContext context)
    {
        using var tensors = context.Tensors(session);
        tensors.CheckCount(request.Variables.Count, "variables");
        var versions = await session.Engine.ApplyGradientsAsync(
            new ApplyGradientsRequest
            {
                Optimizer = OptimizerReader.Read(request.Optimizer),
                Variables = [.. request.Variables],
                ZeroGradients = request.ZeroGradients,
                Trace = context.Trace,
            },
            context.Cancellation);
        return new Reply(new V1.ApplyGradientsResponse { Versions = { SetVariablesCommand.Write(versions) } });
    }
}
