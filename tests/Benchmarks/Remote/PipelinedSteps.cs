using Gradients.Benchmarks.Steps;
using Gradients.Engine.Tensors;
using Grpc.Core;
using Grpc.Net.Client;

namespace Gradients.Benchmarks.Remote;

/// <summary>Steps of a small network over one Interact stream, many in flight: the generated client, which parses every result.</summary>
internal sealed class PipelinedSteps : IDisposable
{
    /// <summary>Below the server's limit of commands that wait.</summary>
    private const int InFlight = 512;

    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<V1.InteractRequest, V1.InteractResponse> _stream;
    private readonly V1.InteractRequest _message;

    private PipelinedSteps(GrpcChannel channel, AsyncDuplexStreamingCall<V1.InteractRequest, V1.InteractResponse> stream, V1.InteractRequest message) =>
        (_channel, _stream, _message) = (channel, stream, message);

    public static async Task<PipelinedSteps> OpenAsync(Uri address, int stepsPerMessage)
    {
        var channel = GrpcChannel.ForAddress(address);
        var sessions = new V1.SessionService.SessionServiceClient(channel);
        using var pool = new BufferPool();
        using var network = Networks.Regression(pool, 1);
        var request = await RemoteNetwork.OpenAsync(sessions, network);
        var message = new V1.InteractRequest { Session = request.Session };
        request.Session = "";
        for (var i = 0; i < stepsPerMessage; i++)
            message.Commands.Add(new V1.SessionCommand { Tag = (ulong)i, Backward = request });
        return new PipelinedSteps(channel, sessions.Interact(), message);
    }

    /// <summary>Makes at least so many steps and waits for the last.</summary>
    public async Task RunAsync(int count)
    {
        var perMessage = _message.Commands.Count;
        var messages = (count + perMessage - 1) / perMessage;
        using var free = new SemaphoreSlim(Math.Max(1, InFlight / perMessage));
        var reading = ReadAsync(messages, perMessage, free);
        for (var i = 0; i < messages; i++)
        {
            await free.WaitAsync();
            await _stream.RequestStream.WriteAsync(_message);
        }

        await reading;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _channel.Dispose();
    }

    private async Task ReadAsync(int messages, int perMessage, SemaphoreSlim free)
    {
        var (results, released) = (0, 0);
        while (results < messages * perMessage && await _stream.ResponseStream.MoveNext(CancellationToken.None))
        {
            foreach (var result in _stream.ResponseStream.Current.Results)
            {
                if (result.Backward is null)
                    throw new InvalidOperationException($"A step failed: {result.Error}");
                results++;
            }

            if (results / perMessage > released)
                free.Release((results / perMessage) - released);
            released = results / perMessage;
        }
    }
}
