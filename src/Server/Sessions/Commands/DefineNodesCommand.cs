using Google.Protobuf;
using Gradients.Engine;
using Gradients.Engine.Expressions;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class DefineNodesCommand(V1.DefineNodesRequest request) : Command
{
    /// <summary>Of a type in a reply, in managed memory, roughly.</summary>
    private const int TypeBytes = 512;

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

    protected override async ValueTask<Reply> ExecuteAsync(ServerSession session, CommandContext context)
    {
        using var tensors = context.Tensors(session);
        GraphReader.CheckCount(request.Functions, request.Nodes, tensors);
        var stored = request.SourceCase == V1.DefineNodesRequest.SourceOneofCase.DigestName ? session.Graphs.Find(request.DigestName).Graph : null;
        var text = request.SourceCase == V1.DefineNodesRequest.SourceOneofCase.Text ? GraphReader.ReadText(request.Text, tensors, "text") : null;
        FunctionSpec[] functions = [.. stored?.Functions ?? text?.Functions ?? [], .. GraphReader.ReadFunctions(request.Functions, tensors)];
        NodeSpec[] nodes = [.. stored?.Nodes ?? text?.Nodes ?? [], .. GraphReader.ReadNodes(request.Nodes, tensors)];
        ulong[] typed = request.ReturnTypes ? [.. nodes.SelectMany(n => n.AdditionalOutputs.Prepend(n.Id)).Where(id => id is not 0 and < ParsedGraph.FirstPrivateId)] : [];
        var response = new V1.DefineNodesResponse();
        try
        {
            await session.Engine.DefineAsync(
                new DefineRequest
                {
                    Functions = functions,
                    Nodes = nodes,
                    TypedValues = typed,
                    Types = request.ReturnTypes ? types => Write(typed, types, response, context) : null,
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
        return new Reply(response);
    }

    /// <exception cref="GradientsException">MESSAGE_TOO_LARGE, MEMORY_BUDGET_EXCEEDED: nothing is defined then.</exception>
    private static void Write(ulong[] values, IReadOnlyList<TensorType?> types, V1.DefineNodesResponse response, CommandContext context)
    {
        context.Wire.Ensure(TypeBytes * (long)values.Length);
        for (var i = 0; i < values.Length; i++)
            response.Types_.Add(new V1.ValueType { Value = values[i], Type = types[i] is { } type ? WireTypes.WriteKnown(type) : null });
        if (response.CalculateSize() is var bytes && bytes > Reply.Room(context.Options.MaxMessageBytes))
            throw Refusals.TooLarge(bytes, context.Options.MaxMessageBytes);
    }
}
