using Gradients.Client;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>The same Backward, sent more than once, adds its gradient once.</summary>
public sealed class RetryTests
{
    [Fact]
    public async Task Sent_again_over_unary_calls()
    {
        await using var server = await ProofServer.StartAsync();
        var session = await OpenAsync(server);
        for (var i = 0; i < 3; i++)
        {
            using var call = server.Sessions.BackwardAsync(Backward(session, 1));
            Assert.Equal(i > 0, (await call.ResponseHeadersAsync).GetValue("gradients-replayed") == "true");
            await call;
            await AccumulatedAsync(server, session, 2f, 4f);
        }

        await server.Sessions.BackwardAsync(Backward(session, 2));
        await AccumulatedAsync(server, session, 4f, 8f);
        await EndAsync(server, session);
    }

    [Fact]
    public async Task Sent_again_after_the_stream_was_cut_before_its_result_was_read()
    {
        await using var server = await ProofServer.StartAsync();
        var session = await OpenAsync(server);
        var link = server.Connect();
        using (var first = link.Sessions.Interact())
        {
            await first.RequestStream.WriteAsync(Message(session, 1));
            await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount > 1, () => "nothing accumulated");
            await AccumulatedAsync(server, session, 2f, 4f);
            link.Cut();
        }

        using (var second = server.Connect().Sessions.Interact())
        {
            await second.RequestStream.WriteAsync(Message(session, 1));
            Assert.True(await second.ResponseStream.MoveNext(CancellationToken.None));
            var result = second.ResponseStream.Current.Results[0];
            Assert.True(result.Replayed, $"{result}");
            Assert.NotNull(result.Backward);
        }

        // The unary twin knows the id too.
        await server.Sessions.BackwardAsync(Backward(session, 1));
        await AccumulatedAsync(server, session, 2f, 4f);
        await EndAsync(server, session);
    }

    [Fact]
    public async Task Sent_twice_at_the_same_time_from_two_connections()
    {
        await using var server = await ProofServer.StartAsync();
        var (session, root) = await LongWork.OpenAsync(server, 20);
        for (ulong number = 1; number <= 3; number++)
        {
            AsyncUnaryCall<V1.BackwardResponse>[] calls =
            [
                server.Sessions.BackwardAsync(LongWork.Backward(session, root, number: number)),
                server.Connect().Sessions.BackwardAsync(LongWork.Backward(session, root, number: number)),
                server.Sessions.BackwardAsync(LongWork.Backward(session, root, number: number)),
            ];
            await Task.WhenAll(calls.Select(c => c.ResponseAsync));
            var replayed = await Task.WhenAll(calls.Select(async c => (await c.ResponseHeadersAsync).GetValue("gradients-replayed") == "true"));
            Assert.Equal(2, replayed.Count(r => r));
            var gradient = Floats((await server.VariableAsync(session, LongWork.Weights)).Gradient);
            Assert.All(gradient, g => Assert.Equal((float)number, g));
        }

        await EndAsync(server, session);
    }

    [Fact]
    public async Task Sent_twice_in_one_message_of_a_stream()
    {
        await using var server = await ProofServer.StartAsync();
        var session = await OpenAsync(server);
        using (var call = server.Sessions.Interact())
        {
            var message = Message(session, 1);
            message.Commands.Add(message.Commands[0].Clone());
            await call.RequestStream.WriteAsync(message);
            await call.RequestStream.CompleteAsync();
            var results = new List<V1.CommandResult>();
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
                results.AddRange(call.ResponseStream.Current.Results);
            Assert.Equal([false, true], results.Select(r => r.Replayed));
            Assert.All(results, r => Assert.NotNull(r.Backward));
        }

        await AccumulatedAsync(server, session, 2f, 4f);
        await EndAsync(server, session);
    }

    /// <summary>The client sends again by itself what was not answered when its connection was cut, at whatever moment.</summary>
    [Fact]
    public async Task Sent_again_by_the_client_when_its_connection_is_cut()
    {
        await using var server = await ProofServer.StartAsync();
        var link = server.Connect();
        await using var client = new GradientsClient(link.Channel);
        await using (var session = await client.CreateSessionAsync())
        {
            var w = session.Variable("w", [1f, 2f]);
            var loss = (w * w).Sum();
            await session.FlushAsync();
            for (var i = 1; i <= 20; i++)
            {
                var pending = session.BackwardAsync(loss, [w], mode: GradientMode.Accumulate);
                if (i % 2 == 0)
                    await Task.Yield();
                link.Cut();
                await pending;
                var gradient = await session.GetGradientAsync(w);
                Assert.Equal([2f * i, 4f * i], gradient!.ToArray<float>());
            }
        }

        await server.EmptyAsync();
    }

    /// <summary>w = (1, 2) and the loss Σw², node 3: its gradient is (2, 4).</summary>
    private static async Task<string> OpenAsync(ProofServer server)
    {
        var session = await server.OpenAsync(Variable(1, 2), Node(2, "Mul", 1, 1), Sum(3, 2));
        await server.SetAsync(session, (1, Vector(1, 2)));
        return session;
    }

    private static V1.BackwardRequest Backward(string session, ulong number) =>
        new() { Session = session, Roots = { Root(3) }, Wrt = { 1UL }, Mode = V1.GradientMode.Accumulate, RequestId = Id(number) };

    private static V1.InteractRequest Message(string session, ulong number) =>
        new() { Session = session, Commands = { new V1.SessionCommand { Tag = number, Backward = Backward("", number) } } };

    private static async Task AccumulatedAsync(ProofServer server, string session, params float[] expected)
    {
        var state = await server.VariableAsync(session, 1);
        Assert.Equal(expected, Floats(state.Gradient));
    }

    private static async Task EndAsync(ProofServer server, string session)
    {
        await server.DeleteAsync(session);
        await server.EmptyAsync();
    }
}
