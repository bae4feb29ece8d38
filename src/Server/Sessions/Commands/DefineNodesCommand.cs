using Google.Protobuf;
using Gradients.Engine;
using Gradients.Engine.Expressions;
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
        if (request.ReturnTypes)
            throw Refusals.Feature("return_types", "types are told by the values themselves.");
        using var tensors = context.Tensors(session.Engine);
        GraphReader.CheckCount(request.Functions, request.Nodes, tensors);
        var stored = request.SourceCase == V1.DefineNodesRequest.SourceOneofCase.DigestName ? session.Graphs.Find(request.DigestName).Graph : null;
        var text = request.SourceCase == V1.DefineNodesRequest.SourceOneofCase.Text ? GraphReader.ReadText(request.Text, tensors, "text") : null;
        try
        {
            await session.Engine.DefineAsync(
                new DefineRequest
                {
                    Functions = [.. stored?.Functions ?? text?.Functions ?? [], .. GraphReader.ReadFunctions(request.Functions, tensors)],
                    Nodes = [.. stored?.Nodes ?? text?.Nodes ?? [], .. GraphReader.ReadNodes(request.Nodes, tensors)],
                    Trace = context.Trace,
                },
                context.Cancellation);
        }
        catch (GradientsException e)
        {
            text?.Locate(e);
            throw;
        }

        // Unnamed values live on in what uses them; their ids are free for the next text.
        ulong[] unnamed = [.. text?.Nodes.Where(n => n.AdditionalOutputs.Append(n.Id).All(id => id >= ParsedGraph.FirstPrivateId)).Select(n => n.Id) ?? []];
        if (unnamed.Length > 0)
            await session.Engine.ReleaseAsync(new ReleaseRequest { Values = unnamed, Trace = context.Trace }, CancellationToken.None);
        return new Reply(new V1.DefineNodesResponse());
    }
}
