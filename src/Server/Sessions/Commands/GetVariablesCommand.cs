using Google.Protobuf;
using Gradients.Engine;
using Gradients.Engine.Sessions;
using Gradients.Server.Errors;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class GetVariablesCommand(V1.GetVariablesRequest request) : Command
{
    public override string Name => "get_variables";

    public override string Session => request.Session;

    protected override IMessage Request => request;

    protected override V1.RequestId? TakeId() => null;

    protected override async ValueTask<Reply> ExecuteAsync(ServerSession session, CommandContext context)
    {
        using var tensors = context.Tensors(session);
        tensors.CheckCount(request.Variables.Count, "variables");
        tensors.CheckCount(request.Contents.Count, "contents");
        foreach (var content in request.Contents)
        {
            if (content is not (V1.VariableContent.Value or V1.VariableContent.Gradient))
                throw Refusals.Field("contents", $"{(int)content} is nothing that a variable has.");
        }

        var values = request.Contents.Count == 0 || request.Contents.Contains(V1.VariableContent.Value);
        var gradients = request.Contents.Contains(V1.VariableContent.Gradient);
        var lists = TensorLists.AreAsked(request.TensorFormat);
        var result = await session.Engine.GetVariablesAsync(new GetVariablesRequest { Variables = [.. request.Variables], Trace = context.Trace }, context.Cancellation);
        var response = new V1.GetVariablesResponse();
        var reply = new Reply(response, lists, result);
        foreach (var v in result.Variables)
        {
            if (v.Value is null && values && request.Variables.Count > 0)
            {
                reply.Dispose();
                throw NotSet(v.Variable);
            }

            response.Variables.Add(new V1.VariableState
            {
                Variable = v.Variable,
                Name = v.Name ?? "",
                Version = v.Version,
                Value = values && v.Value is not null ? reply.Add(v.Value) : null,
                Gradient = gradients && v.Gradient is not null ? reply.Add(v.Gradient) : null,
            });
        }

        return reply;
    }

    internal static GradientsException NotSet(ulong variable) =>
        GradientsException.Precondition(ErrorReasons.VariableNotSet, $"Variable {variable} never got a value.").With("node", variable.ToString());
}
