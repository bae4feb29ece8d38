using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Gradients.Benchmarks.Processes;
using Grpc.Core;
using Grpc.Net.Client;

namespace Gradients.Benchmarks.Wire;

/// <summary>
/// As many bytes in chunks as large as ours, to a service that does nothing with them, and a call without any: what moving them
/// by Grpc.AspNetCore allocates.
/// </summary>
internal sealed class PlainStream(Endpoint endpoint) : IDisposable
{
    private const int ChunkBytes = 256 << 10;

    private readonly GrpcChannel _channel = endpoint.Open();

    private static readonly byte[] Zeros = new byte[ChunkBytes];

    /// <summary>So many bytes, none of which is copied.</summary>
    public static IEnumerable<BytesValue> Chunks(int bytes)
    {
        var whole = Part(Math.Min(bytes, ChunkBytes));
        for (var left = bytes; left > 0; left -= ChunkBytes)
            yield return left < ChunkBytes ? Part(left) : whole;
    }

    public async Task SendAsync(int bytes)
    {
        using var call = _channel.CreateCallInvoker().AsyncClientStreamingCall(PlainServiceBase.SendMethod, null, default);
        foreach (var chunk in Chunks(bytes))
            await call.RequestStream.WriteAsync(chunk);
        await call.RequestStream.CompleteAsync();
        await call;
    }

    public async Task ReceiveAsync(int bytes)
    {
        using var call = _channel.CreateCallInvoker().AsyncServerStreamingCall(PlainServiceBase.ReceiveMethod, null, default, new Int32Value { Value = bytes });
        while (await call.ResponseStream.MoveNext())
        {
        }
    }

    public async Task CallAsync() => await _channel.CreateCallInvoker().AsyncUnaryCall(PlainServiceBase.CallMethod, null, default, new Empty());

    public void Dispose() => _channel.Dispose();

    private static BytesValue Part(int bytes) => new() { Value = UnsafeByteOperations.UnsafeWrap(Zeros.AsMemory(0, bytes)) };
}
