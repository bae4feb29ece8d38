using Google.Protobuf;
using Gradients.Engine.Sessions;
using Gradients.Server.Errors;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class DefineNodesCommand(V1.DefineNodesRequest request) : Command
{
    public override string Name => "define_nodes";

    public override string Session => request.Session;

    protected override IMessage Request => request;

    protected override V1.RequestId? TakeId()
    {
        var id = request.RequestId;
        request.RequestId = null;
        request.Session = "";
        return id;
    }

    protected override async Task<Reply> ExecuteAsync(ServerSession session, CommandContext context)
    {
        if (request.SourceCase == V1.DefineNodesRequest.SourceOneofCase.DigestName)
            throw Refusals.Feature("digest_name", "stored graphs are not supported; send the nodes.");
        if (request.SourceCase == V1.DefineNodesRequest.SourceOneofCase.Text)
            throw Refusals.Feature("text", "expressions are not supported; send nodes.");
        if (request.ReturnTypes)
            throw Refusals.Feature("return_types", "types are told by the values themselves.");
        using var tensors = context.Tensors(session.Engine);
        GraphReader.CheckCount(request.Functions, request.Nodes, tensors);
        await session.Engine.DefineAsync(
            new DefineRequest
            {
                Functions = GraphReader.ReadFunctions(request.Functions, tensors),
                Nodes = GraphReader.ReadNodes(request.Nodes, tensors),
                Trace = context.Trace,
            },
            context.Cancellation);
        return new Reply(new V1.DefineNodesResponse());
    }
}
