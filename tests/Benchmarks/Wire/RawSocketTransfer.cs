using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Gradients.Benchmarks.Wire;

internal sealed class RawSocketTransfer : ITransfer
{
    private readonly Socket _socket;
    private byte[] _content = [];
    private byte[] _received = [];

    public RawSocketTransfer(EndPoint endpoint)
    {
        _socket = RawSocketServer.Create(endpoint);
        _socket.Connect(endpoint);
    }

    public int MaxBytes => int.MaxValue;

    public async Task<bool> PrepareAsync(byte[] content)
    {
        (_content, _received) = (content, new byte[content.Length]);
        await UploadAsync(1);
        await DownloadAsync(1);
        return content.AsSpan().SequenceEqual(_received);
    }

    public Task UploadAsync(int count)
    {
        Span<byte> reply = stackalloc byte[1];
        for (var i = 0; i < count; i++)
        {
            Ask(RawSocketServer.Upload);
            _socket.Send(_content);
            if (!RawSocketServer.Fill(_socket, reply))
                throw new InvalidDataException("The socket was closed.");
        }

        return Task.CompletedTask;
    }

    public Task DownloadAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Ask(RawSocketServer.Download);
            ITransfer.Require(RawSocketServer.Fill(_socket, _received) ? _received.Length : 0, _content.Length);
        }

        return Task.CompletedTask;
    }

    public Task SettleAsync() => Task.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Ask(byte request)
    {
        Span<byte> header = stackalloc byte[RawSocketServer.HeaderBytes];
        header[0] = request;
        BinaryPrimitives.WriteInt64LittleEndian(header[1..], _content.Length);
        _socket.Send(header);
    }
}
