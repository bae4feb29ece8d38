using Google.Protobuf;
using Gradients.Engine.Sessions;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class ReleaseResourcesCommand(V1.ReleaseResourcesRequest request) : Command
{
    public override string Name => "release_resources";

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
        await session.Engine.ReleaseAsync(
            new ReleaseRequest
            {
                Values = [.. request.Nodes],
                Runs = Known(request.Runs, ResourceNames.Runs),
                Tensors = Known(request.Handles, ResourceNames.Tensors),
                FunctionNames = [.. request.Functions],
                Trace = context.Trace,
            },
            context.Cancellation);
        return new Reply(new V1.ReleaseResourcesResponse { HeldBytes = (ulong)session.Engine.HeldBytes });
    }

    /// <summary>Names that cannot be any of the session's are ignored like unknown ones.</summary>
    private static ulong[] Known(IEnumerable<string> names, string prefix) =>
        [.. names.Select(n => ResourceNames.TryParse(n, prefix, out var id) ? id : 0).Where(id => id != 0)];
}
