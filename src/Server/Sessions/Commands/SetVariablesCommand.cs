using Google.Protobuf;
using Gradients.Engine.Sessions;
using Gradients.Server.Errors;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class SetVariablesCommand(V1.SetVariablesRequest request) : Command
{
    public override string Name => "set_variables";

    public override string Session => request.Session;

    protected override IMessage Request => request;

    public static V1.VariableVersion[] Write(IReadOnlyList<VariableVersion> versions)
    {
        var written = new V1.VariableVersion[versions.Count];
        for (var i = 0; i < written.Length; i++)
            written[i] = new V1.VariableVersion { Variable = versions[i].Variable, Version = versions[i].Version };
        return written;
    }

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
        tensors.CheckCount(request.Updates.Count, "updates");
        var updates = new VariableUpdate[request.Updates.Count];
        var seen = updates.Length > 1 ? new HashSet<ulong>(updates.Length) : null;
        for (var i = 0; i < updates.Length; i++)
        {
            updates[i] = Read(request.Updates[i], tensors, new FieldPath("updates", i));
            if (seen?.Add(updates[i].Variable) == false)
                throw Refusals.Field($"updates[{i}].variable", $"variable {updates[i].Variable} is assigned twice.");
        }

        // Only what is computed can ask the client for something.
        var isComputed = Array.Exists(updates, u => u.Tensor is null);
        var versions = await session.Engine.SetVariablesAsync(
            new SetVariablesRequest { Updates = updates, Feeds = tensors.ReadFeeds(request.Feeds), Trace = context.Trace, Callouts = isComputed ? context.Callouts(session) : null },
            context.Cancellation);
        return new Reply(new V1.SetVariablesResponse { Versions = { Write(versions) } });
    }

    private static VariableUpdate Read(V1.VariableUpdate update, TensorReader tensors, FieldPath field)
    {
        ulong? expected = update.HasExpectedVersion ? update.ExpectedVersion : null;
        return update.SourceCase switch
        {
            V1.VariableUpdate.SourceOneofCase.Tensor => new VariableUpdate(update.Variable, tensors.Read(update.Tensor, field with { Member = "tensor" }), 0, expected),
            V1.VariableUpdate.SourceOneofCase.Value => new VariableUpdate(update.Variable, null, update.Value, expected),
            _ => throw Refusals.Field(field.ToString(), "a tensor or a value is required."),
        };
    }
}
