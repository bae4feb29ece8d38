using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>
/// A backward that accumulates and an optimizer step meet. The loss of a network whose layers share w reads it in many instructions;
/// whichever comes first, the other sees it whole.
/// </summary>
public sealed class RaceTests
{
    private const ulong W = 1;
    private const int Size = 64;
    private const int Depth = 24;

    [Fact]
    public async Task An_optimizer_step_and_a_backward_from_two_connections_happen_in_one_order_or_the_other()
    {
        await using var server = await ProofServer.StartAsync();
        var other = server.Connect();
        var (session, loss) = await OpenAsync(server);
        var backwardFirst = await OutcomeAsync(server, session, loss, async () =>
        {
            await server.Sessions.BackwardAsync(Backward(session, loss));
            await server.Sessions.ApplyGradientsAsync(Step(session));
        });
        var stepFirst = await OutcomeAsync(server, session, loss, async () =>
        {
            await server.Sessions.ApplyGradientsAsync(Step(session));
            await server.Sessions.BackwardAsync(Backward(session, loss));
        });
        Assert.NotEqual(backwardFirst, stepFirst);

        for (var i = 0; i < 60; i++)
        {
            var outcome = await OutcomeAsync(server, session, loss, () => Task.WhenAll(
                (i % 2 == 0 ? server.Sessions : other.Sessions).BackwardAsync(Backward(session, loss)).ResponseAsync,
                (i % 2 == 0 ? other.Sessions : server.Sessions).ApplyGradientsAsync(Step(session)).ResponseAsync));
            Assert.True(outcome == backwardFirst || outcome == stepFirst, "Neither order gives this outcome.");
        }

        await server.DeleteAsync(session);
        await server.EmptyAsync();
    }

    [Fact]
    public async Task An_optimizer_step_and_a_backward_of_one_stream_happen_in_the_order_sent()
    {
        await using var server = await ProofServer.StartAsync();
        var (session, loss) = await OpenAsync(server);
        V1.SessionCommand[] commands =
        [
            new() { Tag = 1, Backward = Backward("", loss) },
            new() { Tag = 2, ApplyGradients = Step("") },
        ];
        foreach (var order in new[] { commands, [.. commands.Reverse()] })
        {
            var expected = await OutcomeAsync(server, session, loss, async () =>
            {
                foreach (var command in order)
                {
                    if (command.Backward is not null)
                        await server.Sessions.BackwardAsync(Backward(session, loss));
                    else
                        await server.Sessions.ApplyGradientsAsync(Step(session));
                }
            });
            for (var i = 0; i < 20; i++)
            {
                var outcome = await OutcomeAsync(server, session, loss, async () =>
                {
                    using var call = server.Sessions.Interact();
                    await call.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { order } });
                    await call.RequestStream.CompleteAsync();
                    var tags = new List<ulong>();
                    while (await call.ResponseStream.MoveNext(CancellationToken.None))
                        tags.AddRange(call.ResponseStream.Current.Results.Select(r => r.Error is null ? r.Tag : 0));
                    Assert.Equal(order.Select(c => c.Tag), tags);
                });
                Assert.Equal(expected, outcome);
            }
        }

        await server.DeleteAsync(session);
        await server.EmptyAsync();
    }

    /// <summary>A chain v ← tanh(v·w): every layer reads w, forward and backward.</summary>
    private static async Task<(string Session, ulong Loss)> OpenAsync(ProofServer server)
    {
        var nodes = new List<V1.Node> { Variable(W, Size, Size) };
        var last = W;
        for (var i = 0; i < Depth; i++)
        {
            nodes.Add(Node((ulong)(10 + (2 * i)), "MatMul", last, W));
            nodes.Add(Node((ulong)(11 + (2 * i)), "Tanh", (ulong)(10 + (2 * i))));
            last = (ulong)(11 + (2 * i));
        }

        nodes.Add(Sum(last + 1, last));
        return (await server.OpenAsync([.. nodes]), last + 1);
    }

    /// <summary>From one start — w set, one gradient accumulated — to all bits of w and of its gradient after both.</summary>
    private static async Task<string> OutcomeAsync(ProofServer server, string session, ulong loss, Func<Task> both)
    {
        await server.SetAsync(session, (W, Start()));
        await server.Sessions.ZeroGradientsAsync(new V1.ZeroGradientsRequest { Session = session });
        await server.Sessions.BackwardAsync(Backward(session, loss));
        await both();
        var after = await server.VariableAsync(session, W);
        return after.Value.Raw.ToBase64() + after.Gradient.Raw.ToBase64();
    }

    private static V1.Tensor Start()
    {
        var random = new Random(3);
        return Tensor([.. Enumerable.Range(0, Size * Size).Select(_ => (random.NextSingle() - 0.5f) * 0.4f)], Size, Size);
    }

    private static V1.BackwardRequest Backward(string session, ulong loss) =>
        new() { Session = session, Roots = { Root(loss) }, Wrt = { W }, Mode = V1.GradientMode.Accumulate };

    private static V1.ApplyGradientsRequest Step(string session) =>
        new() { Session = session, Optimizer = new V1.Optimizer { Sgd = new V1.Sgd { LearningRate = 0.01 } } };
}
