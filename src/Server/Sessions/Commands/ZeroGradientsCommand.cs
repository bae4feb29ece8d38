using Google.Protobuf;
using Gradients.Engine.Sessions;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class ZeroGradientsCommand(V1.ZeroGradientsRequest request) : Command
{
    public override string Name => "zero_gradients";

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
        await session.Engine.ZeroGradientsAsync(
            new ZeroGradientsRequest { Variables = [.. request.Variables], KeepZeros = request.KeepZeros, Trace = context.Trace },
            context.Cancellation);
        return new Reply(new V1.ZeroGradientsResponse());
    }
}
