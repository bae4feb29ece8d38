using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Gradients.Benchmarks.Processes;
using Grpc.Core;
using Grpc.Net.Client;

namespace Gradients.Benchmarks.Wire;

internal sealed class PlainTransfer(Endpoint endpoint) : ITransfer
{
    private readonly GrpcChannel _channel = endpoint.Open();
    private byte[] _content = [];
    private byte[] _received = [];

    public int MaxBytes => int.MaxValue;

    public async Task<bool> PrepareAsync(byte[] content)
    {
        _content = content;
        await UploadAsync(1);
        await DownloadAsync(1);
        return content.AsSpan().SequenceEqual(_received);
    }

    public async Task UploadAsync(int count)
    {
        var calls = _channel.CreateCallInvoker();
        for (var i = 0; i < count; i++)
            await calls.AsyncUnaryCall(PlainServiceBase.UploadMethod, null, default, new BytesValue { Value = ByteString.CopyFrom(_content) });
    }

    public async Task DownloadAsync(int count)
    {
        var calls = _channel.CreateCallInvoker();
        for (var i = 0; i < count; i++)
        {
            _received = (await calls.AsyncUnaryCall(PlainServiceBase.DownloadMethod, null, default, new Int32Value { Value = _content.Length })).Value.ToByteArray();
            ITransfer.Require(_received.Length, _content.Length);
        }
    }

    public Task SettleAsync() => Task.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _channel.Dispose();
        return ValueTask.CompletedTask;
    }
}
