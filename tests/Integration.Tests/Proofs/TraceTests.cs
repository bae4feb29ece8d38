using System.Collections.Concurrent;
using System.Diagnostics;
using Gradients.Client;
using Gradients.Testing;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>One call of a client is one tree of spans, from its own activity down to the plan that ran.</summary>
[Collection(nameof(Alone))]
public sealed class TraceTests : IDisposable
{
    private static readonly ActivitySource _caller = new("Proofs");

    private readonly ConcurrentBag<Activity> _ended = [];
    private ActivityListener? _listener;

    [Fact]
    public async Task A_backward_over_the_stream_is_one_tree_with_the_profile_of_the_clients_nodes()
    {
        await using var server = await ProofServer.StartAsync();
        await using var client = server.ConnectClient();
        await using var session = await client.CreateSessionAsync();
        var x = session.Input<float>("x", 8, 16);
        var w = session.Variable("w", new float[16 * 4], 16, 4);
        var product = x.MatMul(w);
        var squares = product * product;
        var loss = squares.Sum();
        await session.FlushAsync();
        Listen("Proofs", "Gradients");

        using var root = _caller.StartActivity("train")!;
        var result = await session.BackwardAsync(loss, [w], new Feeds { [x] = new float[8 * 16] }, fetch: [loss], options: new RequestOptions { Profile = true });
        root.Stop();

        Assert.Equal(root.TraceId.ToHexString(), result.TraceId);
        var request = await RequestUnderAsync(root, "Backward");
        Assert.Equal(root.SpanId, request.ParentSpanId);
        Assert.Equal(["gradients.backward", "gradients.forward", "gradients.plan", "gradients.queue"], await ChildrenAsync(request, 4));
        Assert.Equal(session.Name, request.GetTagItem("gradients.session.id"));

        var instructions = result.Profile!.Instructions;
        var named = instructions.SelectMany(i => i.Nodes).ToHashSet();
        Assert.Subset(new HashSet<ulong> { x.Id, w.Id, product.Id, squares.Id, loss.Id }, named);
        Assert.Superset(new HashSet<ulong> { product.Id, squares.Id }, named);

        // x·w is 8·16·4 multiply-adds, and so is xᵀ·g for the gradient by w.
        foreach (var phase in new[] { V1.ProfilePhase.Forward, V1.ProfilePhase.Backward })
        {
            var matmul = Assert.Single(instructions, i => i.Phase == phase && i.Nodes.Contains(product.Id));
            Assert.Equal(2UL * 8 * 16 * 4, matmul.Flops);
        }

        Assert.Equal(result.Profile.Flops, instructions.Aggregate(0UL, (sum, i) => sum + i.Flops));
    }

    [Fact]
    public async Task A_unary_call_is_one_tree_through_the_http_spans()
    {
        await using var server = await ProofServer.StartAsync();
        var session = await server.OpenAsync(Variable(1), Node(2, "Mul", 1, 1));
        await server.SetAsync(session, (1, Scalar(3)));
        Listen("Proofs", "Gradients", "System.Net.Http", "Microsoft.AspNetCore", "Grpc.Net.Client");

        using var root = _caller.StartActivity("call")!;
        var reply = await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = session, Roots = { Root(2) } });
        root.Stop();

        Assert.Equal(root.TraceId.ToHexString(), reply.TraceId);
        var request = await RequestUnderAsync(root, "Backward");
        await Eventually.HoldsAsync(() => LeadsTo(request, root), () => "The request does not lead to the caller: " + Describe());
        Assert.Superset(new HashSet<string> { "gradients.plan", "gradients.queue" }, (await ChildrenAsync(request, 3)).ToHashSet());
    }

    [Fact]
    public async Task The_trace_id_of_a_unary_reply_is_the_callers_also_when_no_span_is_recorded()
    {
        await using var server = await ProofServer.StartAsync();
        var session = await server.OpenAsync(Variable(1), Node(2, "Mul", 1, 1));
        await server.SetAsync(session, (1, Scalar(3)));
        var metadata = new Grpc.Core.Metadata { { "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } };
        var reply = await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = session, Roots = { Root(2) } }, metadata);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", reply.TraceId);
    }

    public void Dispose() => _listener?.Dispose();

    private void Listen(params string[] sources)
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => sources.Contains(source.Name),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Add,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>The server's span of a command of this trace; it ends after the reply has left.</summary>
    private async Task<Activity> RequestUnderAsync(Activity root, string command)
    {
        Activity? found = null;
        await Eventually.HoldsAsync(
            () => (found = _ended.SingleOrDefault(a => a.OperationName == "gradients.request" && a.TraceId == root.TraceId && (string?)a.GetTagItem("gradients.command") == command)) is not null,
            () => "The request has no span in the caller's trace: " + Describe());
        return found!;
    }

    private async Task<string[]> ChildrenAsync(Activity parent, int atLeast)
    {
        string[] names = [];
        await Eventually.HoldsAsync(
            () => (names = [.. _ended.Where(a => a.ParentSpanId == parent.SpanId && a.TraceId == parent.TraceId).Select(a => a.OperationName).Order()]).Length >= atLeast,
            () => "Spans are missing: " + Describe());
        return names;
    }

    private bool LeadsTo(Activity activity, Activity root)
    {
        var parent = activity.ParentSpanId;
        while (parent != root.SpanId)
        {
            if (_ended.FirstOrDefault(a => a.SpanId == parent) is not { } next)
                return false;
            parent = next.ParentSpanId;
        }

        return true;
    }

    private string Describe() => string.Join("; ", _ended.Select(a => $"{a.Source.Name}/{a.OperationName} {a.TraceId} {a.ParentSpanId}>{a.SpanId}"));
}
