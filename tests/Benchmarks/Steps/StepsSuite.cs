using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

/// <summary>
/// Training steps of small networks, as <c>executor</c> (the plan alone, by its caller) and as <c>session</c>
/// (through the queue and the compute threads). The executor allocates no managed memory.
/// </summary>
internal sealed class StepsSuite : ISuite
{
    private static readonly (string Name, Func<BufferPool, Network> Create)[] Networks =
    [
        ("10-5-1 b1", pool => Network.Regression(pool, 1)),
        ("10-5-1 b32", pool => Network.Regression(pool, 32)),
        ("digits b32", pool => Network.Digits(pool, 32)),
        ("digits b128", pool => Network.Digits(pool, 128)),
        ("784-512-256-10 b1", pool => Network.Perceptron(pool, 1)),
        ("784-512-256-10 b32", pool => Network.Perceptron(pool, 32)),
        ("784-512-256-10 b128", pool => Network.Perceptron(pool, 128)),
    ];

    public string Name => "steps";

    public async Task<IReadOnlyList<Measurement>> Run(SuiteSettings settings)
    {
        var measurements = new List<Measurement>();
        async Task<double> Add(string name, int threads, bool mustNotAllocate, IStep step)
        {
            using (step)
                measurements.Add(new Measurement(name, threads, await settings.Meter.Measure(step), step.Flops, mustNotAllocate));
            return measurements[^1].Flops;
        }

        foreach (var (name, create) in Networks)
        {
            await Add($"{name} executor", settings.Threads, true, new ExecutorStep(create, settings.Threads));
            await Add($"{name} session", settings.Threads, false, new SessionBackwardStep(settings.Threads, create));
        }

        // The parameters, and so the update, are the same at any batch.
        foreach (var (name, create) in ((string, Func<BufferPool, Network>)[])[("10-5-1 adam", Networks[0].Create), ("digits adam", Networks[2].Create)])
        {
            var flops = await Add($"{name} executor", 1, true, new ExecutorAdamStep(create));
            await Add($"{name} session", settings.Threads, false, new SessionAdamStep(settings.Threads, create, flops));
        }

        return measurements;
    }
}
