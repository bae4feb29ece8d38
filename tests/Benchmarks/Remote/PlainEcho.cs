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

    /// <summary>One message after the other.</summary>
    /// <param name="latencies">Takes the microseconds of each.</param>
    public async Task RunAsync(int count, List<double>? latencies = null)
    {
        for (var i = 0; i < count; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await _stream.RequestStream.WriteAsync(_message);
            if (!await _stream.ResponseStream.MoveNext(CancellationToken.None))
                throw new InvalidOperationException("The echo ended.");
            latencies?.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        _channel.Dispose();
    }
}
