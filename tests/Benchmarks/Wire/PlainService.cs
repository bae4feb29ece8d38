using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Gradients.Benchmarks.Wire;

/// <summary>What one writes first: the newest tensor of each size is kept.</summary>
internal sealed class PlainService : PlainServiceBase
{
    private static readonly ConcurrentDictionary<int, byte[]> Kept = new();

    public override Task<Empty> Upload(BytesValue request, ServerCallContext context)
    {
        Kept[request.Value.Length] = request.Value.ToByteArray();
        return Task.FromResult(new Empty());
    }

    public override Task<BytesValue> Download(Int32Value request, ServerCallContext context) =>
        Task.FromResult(new BytesValue { Value = ByteString.CopyFrom(Kept[request.Value]) });

    public override Task<Empty> Call(Empty request, ServerCallContext context) => Task.FromResult(request);

    public override async Task<Empty> Send(IAsyncStreamReader<BytesValue> requests, ServerCallContext context)
    {
        while (await requests.MoveNext())
        {
        }

        return new Empty();
    }

    public override async Task Receive(Int32Value request, IServerStreamWriter<BytesValue> responses, ServerCallContext context)
    {
        foreach (var chunk in PlainStream.Chunks(request.Value))
            await responses.WriteAsync(chunk);
    }

    public override async Task Echo(IAsyncStreamReader<BytesValue> requests, IServerStreamWriter<BytesValue> responses, ServerCallContext context)
    {
        while (await requests.MoveNext(context.CancellationToken))
            await responses.WriteAsync(requests.Current);
    }
}
