using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Sessions.Training;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Sessions.Training;

/// <summary>
/// Linear(3, 5), Tanh, Linear(5, 1) and the mean squared error in float64, over rows whose numbers are exact in binary:
/// those of training_reference.py.
/// </summary>
internal sealed class TrainFixture : IDisposable
{
    public const int Rows = 11;

    public TrainFixture(SessionFixture? fixture = null)
    {
        F = fixture ?? new SessionFixture();
        var g = F.Graph;
        X = g.Input(DataType.Float64, "batch", 3);
        Y = g.Input(DataType.Float64, "batch", 1);
        ulong w1 = g.Variable(DataType.Float64, 5, 3), b1 = g.Variable(DataType.Float64, 5), w2 = g.Variable(DataType.Float64, 1, 5), b2 = g.Variable(DataType.Float64, 1);
        Variables = [w1, b1, w2, b2];
        var hidden = g.Op("Tanh", g.Add("Gemm", Attributes.Of(("transB", 1L)), X, w1, b1));
        Loss = g.Op("MeanSquaredError", g.Add("Gemm", Attributes.Of(("transB", 1L)), hidden, w2, b2), Y);
        XData = Tensor([.. Enumerable.Range(0, Rows * 3).Select(i => ((((i / 3) * 5) + (i % 3 * 3)) % 16 - 8) / 8.0)], Rows, 3);
        YData = Tensor([.. Enumerable.Range(0, Rows).Select(r => ((r * 7) % 8 - 4) / 4.0)], Rows, 1);
    }

    public SessionFixture F { get; }

    public ulong X { get; }

    public ulong Y { get; }

    public ulong Loss { get; }

    public ulong[] Variables { get; }

    public Tensor XData { get; }

    public Tensor YData { get; }

    public static double[] Initial(int seed, int count) => [.. Enumerable.Range(0, count).Select(i => ((((i * 11) + seed) % 16) - 8) / 16.0)];

    public async Task<TrainFixture> SetUpAsync()
    {
        await F.SetAsync(
            (Variables[0], Tensor(Initial(1, 15), 5, 3)),
            (Variables[1], Tensor(Initial(2, 5), 5)),
            (Variables[2], Tensor(Initial(3, 5), 1, 5)),
            (Variables[3], Tensor(Initial(4, 1), 1)));
        return this;
    }

    public Tensor Tensor(double[] values, params long[] shape) => Engine.Tensors.Tensor.From<double>(F.Host.Pool, new Shape(shape), values);

    public TrainRequest Request(Optimizer optimizer, long steps) => new()
    {
        Data = new Dictionary<ulong, Tensor> { [X] = XData, [Y] = YData },
        Roots = [new(Loss)],
        Optimizer = optimizer,
        Steps = steps,
        BatchSize = 4,
    };

    /// <summary>Values, versions and gradients of all variables.</summary>
    public async Task<(double[] Value, ulong Version, double[]? Gradient)[]> StateAsync()
    {
        using var state = await F.Session.GetVariablesAsync(new GetVariablesRequest());
        return [.. state.Variables.Select(v => (v.Value!.AsSpan<double>().ToArray(), v.Version, v.Gradient?.AsSpan<double>().ToArray()))];
    }

    /// <summary>The rows of the data that are named.</summary>
    public Dictionary<ulong, Tensor> Feeds(IReadOnlyList<int> rows) => new()
    {
        [X] = Tensor([.. rows.SelectMany(r => XData.AsSpan<double>().Slice(r * 3, 3).ToArray())], rows.Count, 3),
        [Y] = Tensor([.. rows.Select(r => YData.AsSpan<double>()[r])], rows.Count, 1),
    };

    public void Dispose()
    {
        XData.Dispose();
        YData.Dispose();
        F.Dispose();
    }
}

/// <summary>Keeps reports, and does something at one of them.</summary>
internal sealed class Reports(Action<TrainReport>? action = null) : ITrainObserver
{
    public List<TrainReport> All { get; } = [];

    public bool IsReady { get; set; } = true;

    public void Take(TrainReport report)
    {
        All.Add(report);
        action?.Invoke(report);
    }
}
