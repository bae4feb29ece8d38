using System.Diagnostics;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Wire;
using Grpc.Core;
using Grpc.Net.Client;

namespace Gradients.Benchmarks.Remote;

/// <summary>Bytes there and back over an open stream of <see cref="PlainService"/>: what the gRPC stack itself takes.</summary>
internal sealed class PlainEcho : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<BytesValue, BytesValue> _stream;
    private readonly BytesValue _message;

    public PlainEcho(Endpoint endpoint, int bytes)
    {
        _channel = endpoint.Open();
        _stream = _channel.CreateCallInvoker().AsyncDuplexStreamingCall(PlainServiceBase.EchoMethod, null, default);
        _message = new BytesValue { Value = ByteString.CopyFrom(new byte[bytes]) };
    }

    /// <summary>Sends and receives so many messages.</summary>
    /// <param name="inFlight">Messages that wait for their echo at most.</param>
    /// <param name="latencies">Takes the microseconds of each.</param>
    public async Task RunAsync(int count, int inFlight, List<double>? latencies = null)
    {
        var sent = new long[count];
        using var free = new SemaphoreSlim(inFlight);
        var reading = ReadAsync(sent, free, latencies);
        for (var i = 0; i < count; i++)
        {
            await free.WaitAsync();
            sent[i] = Stopwatch.GetTimestamp();
            await _stream.RequestStream.WriteAsync(_message);
        }

        await reading;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _channel.Dispose();
    }

    private async Task ReadAsync(long[] sent, SemaphoreSlim free, List<double>? latencies)
    {
        for (var i = 0; i < sent.Length; i++)
        {
            if (!await _stream.ResponseStream.MoveNext(CancellationToken.None) || _stream.ResponseStream.Current.Value.Length != _message.Value.Length)
                throw new InvalidDataException("The echo is another message.");
            latencies?.Add(Stopwatch.GetElapsedTime(sent[i]).TotalMicroseconds);
            free.Release();
        }
    }
}
