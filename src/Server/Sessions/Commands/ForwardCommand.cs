using Google.Protobuf;
using Gradients.Engine.Sessions;
using Gradients.Server.Errors;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class ForwardCommand(V1.ForwardRequest request) : Command
{
    public override string Name => "forward";

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
        if (request.Gradients && request.Roots.Count == 0)
            throw Refusals.Field("roots", "with gradients at least one root is required.");
        if (!request.Gradients && (request.Roots.Count > 0 || request.Wrt.Count > 0))
            throw Refusals.Field(request.Roots.Count > 0 ? "roots" : "wrt", "without gradients it must be empty.");
        using var tensors = context.Tensors(session);
        tensors.CheckCount(request.Roots.Count, "roots");
        tensors.CheckCount(request.Wrt.Count, "wrt");
        var result = await session.Engine.ForwardAsync(
            new ForwardRequest
            {
                Feeds = tensors.ReadFeeds(request.Feeds),
                Fetches = Fetched.Ids(request.Fetches, tensors, handles: true),
                Gradients = request.Gradients,
                Roots = [.. request.Roots],
                Wrt = [.. request.Wrt],
                CheckFinite = request.CheckFinite,
                Profile = request.Profile,
                Trace = context.Trace,
                Callouts = context.Callouts(session),
                Reply = Fetched.Limit(request.Fetches, inlineGradients: false, request.TensorFormat, context.Options, context.Wire),
            },
            context.Cancellation);
        return Write(result, session);
    }

    private Reply Write(ForwardResult result, ServerSession session)
    {
        var response = new V1.ForwardResponse
        {
            Run = result.Run == 0 ? "" : ResourceNames.Run(result.Run),
            HeldBytes = (ulong)result.HeldBytes,
            Profile = ProfileWriter.Write(result.Profile),
        };
        var reply = new Reply(response, TensorLists.AreAsked(request.TensorFormat), result, result.Values.Count);
        try
        {
            Fetched.Write(response.Values, request.Fetches, result.Values, reply, session);
            return reply;
        }
        catch
        {
            reply.Dispose();
            if (result.Run != 0)
                session.Engine.ReleaseAsync(new ReleaseRequest { Runs = [result.Run], Trace = default });
            throw;
        }
    }
}
