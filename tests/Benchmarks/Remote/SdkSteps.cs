using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Steps;
using Gradients.Client;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Remote;

/// <summary>The 10-5-1 step by the SDK, as a program writes it: many calls under way, which it puts into messages by itself.</summary>
internal sealed class SdkSteps : IAsyncDisposable
{
    private const int InFlight = 512;

    private readonly GradientsClient _client;
    private readonly Session _session;
    private readonly Node _loss;
    private readonly Variable[] _parameters;
    private readonly Feeds _feeds;

    private SdkSteps(GradientsClient client, Session session, Node loss, Variable[] parameters, Feeds feeds) =>
        (_client, _session, _loss, _parameters, _feeds) = (client, session, loss, parameters, feeds);

    public static async Task<SdkSteps> OpenAsync(Endpoint endpoint)
    {
        using var pool = new BufferPool();
        using var network = Networks.Regression(pool, 1);
        var client = endpoint.Connect();
        var session = await client.CreateSessionAsync();
        Variable[] p = [.. network.Parameters.Select((id, i) => session.Variable($"p{i}", Data(network.Values[id])))];
        Node x = session.Input<float>("x", 1, 10), y = session.Input<float>("y", 1, 1);
        var loss = x.Gemm(p[0], p[1], transposeB: true).Relu().Gemm(p[2], p[3], transposeB: true).MeanSquaredError(y);
        TensorData[] fed = [.. network.Values.Where(v => !network.Parameters.Contains(v.Key)).OrderBy(v => v.Key).Select(v => Data(v.Value))];
        return new SdkSteps(client, session, loss, p, new Feeds { [x] = fed[0], [y] = fed[1] });
    }

    /// <summary>The loss, then the gradient of each parameter, of one more step.</summary>
    public async Task<double[][]> ResultsAsync()
    {
        var result = await StepAsync();
        return [[result.Value(_loss).ToDouble()], .. _parameters.Select(p => Array.ConvertAll(result[p].ToArray<float>(), v => (double)v))];
    }

    public async Task RunAsync(int count)
    {
        var waiting = new Queue<Task>(InFlight);
        for (var i = 0; i < count; i++)
        {
            if (waiting.Count == InFlight)
                await waiting.Dequeue();
            waiting.Enqueue(StepAsync());
        }

        await Task.WhenAll(waiting);
    }

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        await _client.DisposeAsync();
    }

    private Task<BackwardResult> StepAsync() => _session.BackwardAsync(_loss, _parameters, _feeds, fetch: [_loss]);

    private static TensorData Data(Tensor tensor) => TensorData.Of(tensor.AsSpan<float>().ToArray(), tensor.Shape.Dimensions);
}
