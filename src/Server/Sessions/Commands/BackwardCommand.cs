using Google.Protobuf;
using Gradients.Engine.Sessions;
using Gradients.Server.Errors;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class BackwardCommand(V1.BackwardRequest request) : Command
{
    public override string Name => "backward";

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
        GradientRequests.CheckFeatures(request.Product, request.Tangents.Count, request.BatchedCotangents);
        if (request.Roots.Count == 0)
            throw Refusals.Field("roots", "at least one root is required.");
        if (request.Run.Length > 0 && request.Feeds.Count > 0)
            throw Refusals.Field("feeds", "a run has its feeds already.");
        if (request.Run.Length == 0 && request.Retain)
            throw Refusals.Field("retain", "there is no run to retain.");
        using var tensors = context.Tensors(session);
        tensors.CheckCount(request.Wrt.Count, "wrt");
        var result = await session.Engine.BackwardAsync(
            new BackwardRequest
            {
                Run = request.Run.Length == 0 ? 0 : ResourceNames.Parse(request.Run, ResourceNames.Runs, "run"),
                Feeds = tensors.ReadFeeds(request.Feeds),
                Fetches = Fetched.Ids(request.Fetches, tensors, handles: true),
                Roots = GradientRequests.ReadRoots(request.Roots, tensors),
                Wrt = [.. request.Wrt],
                Mode = Mode(),
                Retain = request.Retain,
                ZerosForAbsent = request.ZerosForAbsent,
                CheckFinite = request.CheckFinite,
                Profile = request.Profile,
                Trace = context.Trace,
                Callouts = context.Callouts(session),
                Reply = Fetched.Limit(request.Fetches, InlineGradients(), request.TensorFormat, context.Options, context.Wire),
            },
            context.Cancellation);
        return Write(result, session);
    }

    private Reply Write(BackwardResult result, ServerSession session)
    {
        var response = new V1.BackwardResponse
        {
            HeldBytes = (ulong)result.HeldBytes,
            Profile = ProfileWriter.Write(result.Profile),
        };
        var reply = new Reply(response, TensorLists.AreAsked(request.TensorFormat), result, result.Gradients.Count + result.Values.Count);
        try
        {
            Func<Engine.Tensors.Tensor, V1.Tensor>? tensor =
                Mode() == GradientMode.Accumulate ? null
                : request.GradientsAsHandles ? g => Fetched.Keep(g, session)
                : reply.Add;
            GradientRequests.Write(response.Gradients, result.Gradients, request.Wrt, request.StatisticsOnly, tensor);
            Fetched.Write(response.Values, request.Fetches, result.Values, reply, session);
            return reply;
        }
        catch
        {
            reply.Dispose();
            throw;
        }
    }

    private bool InlineGradients() => Mode() != GradientMode.Accumulate && !request.GradientsAsHandles && !request.StatisticsOnly;

    private GradientMode Mode() => request.Mode switch
    {
        V1.GradientMode.Unspecified or V1.GradientMode.Return => GradientMode.Return,
        V1.GradientMode.Accumulate => GradientMode.Accumulate,
        V1.GradientMode.Both => GradientMode.Both,
        _ => throw Refusals.Field("mode", $"{(int)request.Mode} is not a mode."),
    };
}
