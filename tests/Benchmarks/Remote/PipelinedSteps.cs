using System.Diagnostics;
using System.Runtime.InteropServices;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Steps;
using Gradients.Engine.Tensors;
using Grpc.Core;
using Grpc.Net.Client;

namespace Gradients.Benchmarks.Remote;

/// <summary>Steps of a network over one Interact stream, many in flight: the generated client, which parses every result.</summary>
internal sealed class PipelinedSteps : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly V1.SessionService.SessionServiceClient _sessions;
    private readonly AsyncDuplexStreamingCall<V1.InteractRequest, V1.InteractResponse> _stream;
    private readonly V1.InteractRequest _message;
    private readonly V1.BackwardRequest _request;

    private PipelinedSteps(GrpcChannel channel, V1.SessionService.SessionServiceClient sessions, V1.InteractRequest message, V1.BackwardRequest request) =>
        (_channel, _sessions, _stream, _message, _request) = (channel, sessions, sessions.Interact(), message, request);

    /// <summary>A session with the network; its step returns loss and gradients until <see cref="Accumulates"/> says otherwise.</summary>
    public static async Task<PipelinedSteps> OpenAsync(Endpoint endpoint, int stepsPerMessage, Func<BufferPool, Network> create)
    {
        var channel = endpoint.Open();
        var sessions = new V1.SessionService.SessionServiceClient(channel);
        using var pool = new BufferPool();
        using var network = create(pool);
        var request = await RemoteNetwork.OpenAsync(sessions, network);
        var message = new V1.InteractRequest { Session = request.Session };
        request.Session = "";
        for (var i = 0; i < stepsPerMessage; i++)
            message.Commands.Add(new V1.SessionCommand { Tag = (ulong)i, Backward = request });
        return new PipelinedSteps(channel, sessions, message, request);
    }

    /// <summary>Gradients stay at the server from now on: the reply is the loss and their norms.</summary>
    public void Accumulates() => (_request.Mode, _request.StatisticsOnly) = (V1.GradientMode.Accumulate, true);

    /// <summary>The size of a message to the server.</summary>
    public int MessageBytes => _message.CalculateSize();

    /// <summary>The loss, then the gradient of each parameter, or its norm, of one more step.</summary>
    public async Task<double[][]> ResultsAsync()
    {
        V1.CommandResult? last = null;
        await RunAsync(1, 1, null, result => last = result);
        return [Numbers(last!.Backward.Values[0].Tensor), .. last.Backward.Gradients.Select(g => g.Statistics is { } s ? [s.Norm] : Numbers(g.Tensor))];
    }

    /// <summary>The gradients that the session has accumulated since the last time, in the order of the parameters' ids.</summary>
    public async Task<double[][]> TakeAccumulatedAsync()
    {
        var request = new V1.GetVariablesRequest { Session = _message.Session, Contents = { V1.VariableContent.Gradient } };
        var read = await _sessions.GetVariablesAsync(request);
        await _sessions.ZeroGradientsAsync(new V1.ZeroGradientsRequest { Session = _message.Session });
        return [.. read.Variables.Select(v => Numbers(v.Gradient))];
    }

    /// <summary>Makes at least so many steps and waits for the last.</summary>
    /// <param name="count">Steps.</param>
    /// <param name="inFlight">Messages that wait for their results at most.</param>
    /// <param name="latencies">Takes the microseconds of each message until its last result.</param>
    public Task RunAsync(int count, int inFlight, List<double>? latencies = null) => RunAsync(count, inFlight, latencies, null);

    public void Dispose()
    {
        _stream.Dispose();
        _channel.Dispose();
    }

    private static double[] Numbers(V1.Tensor tensor) => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(tensor.Raw.Span).ToArray(), v => (double)v);

    private async Task RunAsync(int count, int inFlight, List<double>? latencies, Action<V1.CommandResult>? seen)
    {
        var messages = (count + _message.Commands.Count - 1) / _message.Commands.Count;
        var sent = new long[messages];
        using var free = new SemaphoreSlim(inFlight);
        var reading = ReadAsync(sent, free, latencies, seen);
        for (var i = 0; i < messages; i++)
        {
            await free.WaitAsync();
            sent[i] = Stopwatch.GetTimestamp();
            await _stream.RequestStream.WriteAsync(_message);
        }

        await reading;
    }

    private async Task ReadAsync(long[] sent, SemaphoreSlim free, List<double>? latencies, Action<V1.CommandResult>? seen)
    {
        var (results, answered) = (0, 0);
        while (answered < sent.Length && await _stream.ResponseStream.MoveNext(CancellationToken.None))
        {
            foreach (var result in _stream.ResponseStream.Current.Results)
            {
                if (result.Backward is null)
                    throw new InvalidOperationException($"A step failed: {result.Error}");
                seen?.Invoke(result);
                results++;
            }

            var before = answered;
            for (; answered < results / _message.Commands.Count; answered++)
                latencies?.Add(Stopwatch.GetElapsedTime(sent[answered]).TotalMicroseconds);
            if (answered > before)
                free.Release(answered - before);
        }
    }
}
