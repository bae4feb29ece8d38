using Gradients.Client;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>Clients that train different networks at the same time, each as if it were alone: bit for bit.</summary>
public sealed class IsolationTests
{
    private const int Steps = 120;

    private static readonly (int Rows, int Inputs, int Hidden, int Seed)[] _networks = [(7, 13, 33, 1), (32, 64, 17, 2), (5, 13, 33, 3)];

    [Fact]
    public async Task Sessions_in_parallel_compute_the_bits_of_sessions_alone()
    {
        var alone = new List<float[]>();
        foreach (var network in _networks)
        {
            await using var server = await ProofServer.StartAsync();
            alone.Add(await TrainAsync(server, network));
            await server.EmptyAsync();
        }

        await using var shared = await ProofServer.StartAsync();
        var together = await Task.WhenAll(_networks.Select(network => Task.Run(() => TrainAsync(shared, network))));
        for (var i = 0; i < _networks.Length; i++)
        {
            Assert.All(alone[i], v => Assert.True(float.IsFinite(v)));
            Assert.Equal(alone[i].Select(BitConverter.SingleToInt32Bits), together[i].Select(BitConverter.SingleToInt32Bits));
        }

        await shared.EmptyAsync();
    }

    /// <summary>Every loss, then the last parameters and gradients. The feeds alternate between messages and uploads.</summary>
    private static async Task<float[]> TrainAsync(ProofServer server, (int Rows, int Inputs, int Hidden, int Seed) network)
    {
        var (rows, inputs, hidden, seed) = network;
        var random = new Random(seed);
        var seen = new List<float>();
        await using var client = server.ConnectClient();
        await using var session = await client.CreateSessionAsync(new SessionOptions { InlineLimitBytes = 1024 });
        var x = session.Input<float>("x", "batch", inputs);
        var t = session.Input<float>("t", "batch", 1);
        var w1 = session.Variable("w1", Random(random, inputs * hidden), inputs, hidden);
        var b1 = session.Variable("b1", Random(random, hidden), hidden);
        var w2 = session.Variable("w2", Random(random, hidden), hidden, 1);
        var loss = (x.MatMul(w1) + b1).Tanh().MatMul(w2).MeanSquaredError(t);
        for (var step = 0; step < Steps; step++)
        {
            var batch = rows + (step % 3);
            var feeds = new Feeds { [x] = TensorData.Of(Random(random, batch * inputs), batch, inputs), [t] = TensorData.Of(Random(random, batch), batch, 1) };
            var backward = session.BackwardAsync(loss, feeds: feeds, mode: GradientMode.Both, fetch: [loss]);
            var applied = session.ApplyGradientsAsync(new Adam { LearningRate = 0.01 }, zeroGradients: true);
            var result = await backward;
            await applied;
            seen.Add(result.Value(loss).Item<float>());
            seen.AddRange(result[b1].ToArray<float>());
        }

        foreach (var variable in new[] { w1, b1, w2 })
            seen.AddRange((await session.GetAsync(variable)).ToArray<float>());
        return [.. seen];
    }

    private static float[] Random(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
}
