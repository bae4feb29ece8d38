using Gradients.Benchmarks.Limits;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

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

    private static readonly (string Name, Func<BufferPool, Network> Create)[] Loops =
    [
        ("10-5-1 backward and adam, loop", pool => Networks.Regression(pool, 1)),
        ("784-512-256-10 b128 backward and adam, loop", pool => Networks.Perceptron(pool, 128, 784, 512, 256, 10)),
    ];

    public string Name => "steps";

    public string Summary => "Training steps: the loss with the gradients of all parameters, or the optimizer's update. Executor: the plan alone, by its caller, beside libtorch on the same definitions and values; session: through the queue and the compute threads, as a request goes; loop: a step of Train, backward and update together, whose update writes over what it reads where that of the executor's row has buffers of its own to write to. Limit: multiply-adds in registers of the step's precision.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        foreach (var (name, hasSession, create) in Steps)
        {
            GraphRow.Add(settings, rows, Name, $"{name} executor", () => new GraphStep(create, settings.Threads, withGradients: true), true, LimitOf);
            if (hasSession)
                Session($"{name} session", () => new SessionBackwardStep(settings.Threads, create));
        }

        foreach (var (name, create) in Updates)
        {
            Adam($"{name} executor", create);
            Session($"{name} session", () => new SessionAdamStep(settings.Threads, create));
        }

        foreach (var (name, create) in Loops)
            Session(name, () => new SessionTrainStep(settings.Threads, create));

        Limit LimitOf(GraphStep step) =>
            new(step.Flops, step.Network.Values.Values.Any(v => v.DataType == DataType.Float64) ? () => FmaPeak.Measure() / 2 : FmaPeak.Measure);

        void Adam(string name, Func<BufferPool, Network> create)
        {
            if (!rows.Wants(name))
                return;
            using var step = new ExecutorAdamStep(create);
            using var peer = settings.Peer?.Adam(step.Network, settings.Threads);
            rows.Add(settings.Meter.Measure(new Subject(Name, name, step.Run) { Libtorch = peer is null ? null : peer.Run }));
        }

        void Session(string name, Func<SessionStep> create)
        {
            if (!rows.Wants(name))
                return;
            using var step = create();
            rows.Add(settings.Meter.Measure(new Subject(Name, name, step.Run) { Waits = true, MayAllocate = true }));
        }
    }
}
