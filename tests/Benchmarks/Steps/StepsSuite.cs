using Gradients.Benchmarks.Peers;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

/// <summary>
/// Training steps: <c>executor</c> is the plan alone, by its caller, beside libtorch on the same definitions and values;
/// <c>session</c> goes through the queue and the compute threads. The executor allocates no managed memory.
/// </summary>
internal sealed class StepsSuite : ISuite
{
    private static readonly (string Name, bool HasSession, Func<BufferPool, Network> Create)[] Steps =
    [
        ("10-5-1 b1", true, pool => Networks.Regression(pool, 1)),
        ("10-5-1 b32", true, pool => Networks.Regression(pool, 32)),
        ("digits 64-128-10 b32", true, pool => Networks.Perceptron(pool, 32, 64, 128, 10)),
        ("digits 64-128-10 b128", true, pool => Networks.Perceptron(pool, 128, 64, 128, 10)),
        ("784-512-256-10 b1", true, pool => Networks.Perceptron(pool, 1, 784, 512, 256, 10)),
        ("784-512-256-10 b32", true, pool => Networks.Perceptron(pool, 32, 784, 512, 256, 10)),
        ("784-512-256-10 b128", true, pool => Networks.Perceptron(pool, 128, 784, 512, 256, 10)),
        ("1024x4 b256", false, pool => Networks.Perceptron(pool, 256, 1024, 1024, 1024, 1024, 1024)),
        ("transformer block d256 T128 b4", false, pool => Networks.Transformer(pool, 256, 128, 4, 8)),
        ("LeNet 28x28 b64", false, pool => Networks.LeNet(pool, 64)),
        ("Gaussian mixture d20 K25 n1000 f64", false, pool => GaussianMixture.Read(pool, Path.Combine(AppContext.BaseDirectory, "Data/gmm_d20_K25.txt"))),
        ("LSTM 64 cells, 64 steps, b16", false, pool => Networks.Lstm(pool, 64, 16, 64)),
        ("chain of 100,000 over 1,024", false, pool => Networks.Chain(pool, 100_000, 1024)),
    ];

    private static readonly (string Name, Func<BufferPool, Network> Create)[] Updates =
    [
        ("10-5-1 adam", pool => Networks.Regression(pool, 1)),
        ("digits 64-128-10 adam", pool => Networks.Perceptron(pool, 1, 64, 128, 10)),
        ("784-512-256-10 adam", pool => Networks.Perceptron(pool, 1, 784, 512, 256, 10)),
    ];

    public string Name => "steps";

    public async Task<IReadOnlyList<Measurement>> Run(SuiteSettings settings)
    {
        var measurements = new List<Measurement>();
        foreach (var (name, hasSession, create) in Steps)
        {
            using (var step = new ExecutorStep(create, settings.Threads))
            {
                using var peer = settings.Peer?.Backward(step.Network, settings.Threads);
                var difference = peer is null ? 0 : Agreement.Worst(step.Results(), peer.Results());
                measurements.Add(await settings.Comparison.Measure($"{name} executor", settings.Threads, step, peer, difference));
            }

            if (hasSession)
                await Session($"{name} session", new SessionBackwardStep(settings.Threads, create));
        }

        foreach (var (name, create) in Updates)
        {
            using var step = new ExecutorAdamStep(create);
            using (var peer = settings.Peer?.Adam(step.Network, 1))
                measurements.Add(await settings.Comparison.Measure($"{name} executor", 1, step, peer, 0));
            await Session($"{name} session", new SessionAdamStep(settings.Threads, create, step.Flops));
        }

        return measurements;

        async Task Session(string name, IStep step)
        {
            using (step)
                measurements.Add(new Measurement(name, settings.Threads, await settings.Meter.Measure(step), step.Flops, MustNotAllocate: false));
        }
    }
}
