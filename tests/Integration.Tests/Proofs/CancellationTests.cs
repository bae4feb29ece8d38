using Google.Protobuf.WellKnownTypes;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>A request that would take minutes is stopped: its kernels end, the thread takes other work, nothing has changed.</summary>
public sealed class CancellationTests
{
    private const int Endless = 20_000;

    [Fact]
    public async Task A_cancelled_backward_stops_and_changes_nothing()
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (session, root) = await LongWork.OpenAsync(server, Endless);
        await StopsAsync(server, session, token => server.Sessions.BackwardAsync(LongWork.Backward(session, root, number: 1), cancellationToken: token));
    }

    [Fact]
    public async Task A_cancelled_forward_with_gradients_stops_and_leaves_no_run()
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (session, root) = await LongWork.OpenAsync(server, 200);
        var request = LongWork.Forward(session, root);
        request.Gradients = true;
        request.Roots.Add(root);
        await StopsAsync(server, session, token => server.Sessions.ForwardAsync(request, cancellationToken: token));
    }

    [Fact]
    public async Task A_cancelled_assignment_from_the_graph_stops_and_assigns_nothing()
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (session, root) = await LongWork.OpenAsync(server, Endless);
        var request = new V1.SetVariablesRequest { Session = session, Updates = { new V1.VariableUpdate { Variable = LongWork.Weights, Value = root - 1 } } };
        await StopsAsync(server, session, token => server.Sessions.SetVariablesAsync(request, cancellationToken: token));
    }

    [Fact]
    public async Task A_request_over_its_deadline_stops_and_changes_nothing()
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (session, root) = await LongWork.OpenAsync(server, Endless);
        var before = await StateAsync(server, session);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await server.Sessions.BackwardAsync(LongWork.Backward(session, root), deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(300)));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        await UnchangedAsync(server, session, before);
    }

    [Fact]
    public async Task A_command_over_its_timeout_stops_and_the_next_ones_go_on()
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (session, root) = await LongWork.OpenAsync(server, Endless);
        var before = await StateAsync(server, session);
        using (var call = server.Sessions.Interact())
        {
            var timeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(300));
            await call.RequestStream.WriteAsync(new V1.InteractRequest
            {
                Session = session,
                Commands =
                {
                    new V1.SessionCommand { Tag = 1, Timeout = timeout, Backward = LongWork.Backward("", root) },
                    new V1.SessionCommand { Tag = 2, Timeout = timeout, Backward = LongWork.Backward("", root) },
                    new V1.SessionCommand { Tag = 3, GetVariables = new V1.GetVariablesRequest { Variables = { LongWork.Weights } } },
                },
            });
            await call.RequestStream.CompleteAsync();
            var results = new List<V1.CommandResult>();
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
                results.AddRange(call.ResponseStream.Current.Results);
            Assert.Equal([1UL, 2UL, 3UL], results.Select(r => r.Tag));
            Assert.Equal([(int)StatusCode.DeadlineExceeded, (int)StatusCode.DeadlineExceeded, 0], results.Select(r => r.Error?.Code ?? 0));
            Assert.Equal(1UL, results[2].GetVariables.Variables[0].Version);
        }

        await UnchangedAsync(server, session, before);
    }

    [Fact]
    public async Task A_request_cancelled_in_the_queue_never_runs()
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (session, root) = await LongWork.OpenAsync(server, Endless);
        var before = await StateAsync(server, session);
        using var running = new CancellationTokenSource();
        using var waiting = new CancellationTokenSource();
        var first = server.Sessions.BackwardAsync(LongWork.Backward(session, root), cancellationToken: running.Token).ResponseAsync;
        await server.ComputesAsync();
        var second = server.Sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = session, Updates = { new V1.VariableUpdate { Variable = LongWork.Weights, Tensor = LongWork.Filled(7) } } }, cancellationToken: waiting.Token).ResponseAsync;
        await Eventually.HoldsAsync(() => server.Host.Pool.Ledger().GetValueOrDefault("request").Count == 3, () => "the second request has not arrived");
        await waiting.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => second)).StatusCode);
        Assert.False(first.IsCompleted);
        await running.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => first)).StatusCode);
        await UnchangedAsync(server, session, before);
    }

    [Fact]
    public async Task A_cancelled_request_id_executes_when_it_is_sent_again()
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (session, root) = await LongWork.OpenAsync(server, 60);
        using var cancellation = new CancellationTokenSource();
        var first = server.Sessions.BackwardAsync(LongWork.Backward(session, root, number: 5), cancellationToken: cancellation.Token).ResponseAsync;
        await server.ComputesAsync();
        await cancellation.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => first)).StatusCode);
        await server.Sessions.BackwardAsync(LongWork.Backward(session, root, number: 5));
        Assert.All(Floats((await server.VariableAsync(session, LongWork.Weights)).Gradient), g => Assert.Equal(1f, g));
        await server.DeleteAsync(session);
        await server.EmptyAsync();
    }

    [Fact]
    public async Task Deleting_a_session_stops_what_it_computes()
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (session, root) = await LongWork.OpenAsync(server, Endless);
        var running = server.Sessions.BackwardAsync(LongWork.Backward(session, root)).ResponseAsync;
        await server.ComputesAsync();
        await server.DeleteAsync(session);
        await Assert.ThrowsAsync<RpcException>(() => running);
        await server.EmptyAsync();
    }

    private static async Task StopsAsync<T>(ProofServer server, string session, Func<CancellationToken, AsyncUnaryCall<T>> send)
    {
        var before = await StateAsync(server, session);
        using var cancellation = new CancellationTokenSource();
        var call = send(cancellation.Token).ResponseAsync;
        await server.ComputesAsync();
        Assert.False(call.IsCompleted);
        await cancellation.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => call)).StatusCode);
        await UnchangedAsync(server, session, before);
    }

    /// <summary>Waits until nothing computes, demands the state of before, and lets the only compute thread do other work.</summary>
    private static async Task UnchangedAsync(ProofServer server, string session, State before)
    {
        await server.RestsAsync();
        Assert.Equal(before, await StateAsync(server, session));
        await server.DeleteAsync(session);
        await server.EmptyAsync();

        var other = await server.OpenAsync(Variable(1), Node(2, "Mul", 1, 1));
        await server.SetAsync(other, (1, Scalar(3)));
        var reply = await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = other, Roots = { Root(2) } });
        Assert.Equal([6f], Floats(reply.Gradients[0].Tensor));
        await server.DeleteAsync(other);
        await server.EmptyAsync();
    }

    private static async Task<State> StateAsync(ProofServer server, string session)
    {
        var weights = await server.VariableAsync(session, LongWork.Weights);
        var info = (await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session;
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 2, () => "rented: " + string.Join(", ", server.Host.Pool.Ledger()));
        return new State(weights.Version, Floats(weights.Value).Sum(), weights.Gradient is null, info.NodeCount, info.RunCount, info.HeldBytes, server.Host.Pool.RentedCount);
    }

    private sealed record State(ulong Version, float Sum, bool GradientAbsent, ulong Nodes, ulong Runs, ulong Held, int Rented);
}
