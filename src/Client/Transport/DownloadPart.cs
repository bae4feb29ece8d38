using System.Buffers;
using System.Buffers.Binary;
using Google.Protobuf;
using Grpc.Core;

namespace Gradients.Client.Transport;

/// <summary>
/// A DownloadTensorResponse whose bytes are in an array of the pool: the generated message has an array of its own for each chunk,
/// as large as a chunk is and new every time. Disposed once the bytes are taken.
/// </summary>
internal sealed class DownloadPart : IDisposable
{
    /// <summary>TensorService.DownloadTensor.</summary>
    public static readonly Method<V1.DownloadTensorRequest, DownloadPart> Method = new(
        MethodType.ServerStreaming,
        V1.TensorService.Descriptor.FullName,
        "DownloadTensor",
        Marshallers.Create((V1.DownloadTensorRequest request, SerializationContext context) => context.Complete(request.ToByteArray()), _ => throw new NotSupportedException()),
        Marshallers.Create((DownloadPart _, SerializationContext _) => throw new NotSupportedException(), context => Parse(context.PayloadAsReadOnlySequence())));

    private byte[] _rented = [];
    private int _length;

    /// <summary>In the first part; a part has it or a chunk.</summary>
    public V1.TensorHeader? Header { get; private set; }

    public bool HasChunk { get; private set; }

    public ulong Offset { get; private set; }

    public uint? Crc32C { get; private set; }

    public ReadOnlySpan<byte> Data => _rented.AsSpan(0, _length);

    /// <exception cref="InvalidDataException">It is no such message.</exception>
    public static DownloadPart Parse(ReadOnlySequence<byte> message)
    {
        var part = new DownloadPart();
        part.Read(message.IsSingleSegment ? message.FirstSpan : message.ToArray());
        return part;
    }

    public void Dispose()
    {
        if (_rented.Length > 0)
            ArrayPool<byte>.Shared.Return(_rented);
        (_rented, _length) = ([], 0);
    }

    private void Read(ReadOnlySpan<byte> message)
    {
        while (message.Length > 0)
        {
            switch (WireSpan.ReadVarint(ref message))
            {
                case (V1.DownloadTensorResponse.HeaderFieldNumber << 3) | 2:
                    (Header, HasChunk) = (V1.TensorHeader.Parser.ParseFrom(WireSpan.ReadBytes(ref message)), false);
                    break;
                case (V1.DownloadTensorResponse.ChunkFieldNumber << 3) | 2:
                    (Header, HasChunk) = (null, true);
                    ReadChunk(WireSpan.ReadBytes(ref message));
                    break;
                case var tag:
                    WireSpan.Skip(ref message, tag);
                    break;
            }
        }
    }

    private void ReadChunk(ReadOnlySpan<byte> chunk)
    {
        while (chunk.Length > 0)
        {
            switch (WireSpan.ReadVarint(ref chunk))
            {
                case V1.TensorChunk.OffsetFieldNumber << 3:
                    Offset = WireSpan.ReadVarint(ref chunk);
                    break;
                case (V1.TensorChunk.DataFieldNumber << 3) | 2:
                    Take(WireSpan.ReadBytes(ref chunk));
                    break;
                case (V1.TensorChunk.Crc32CFieldNumber << 3) | 5:
                    Crc32C = BinaryPrimitives.ReadUInt32LittleEndian(WireSpan.ReadBytes(ref chunk, sizeof(uint)));
                    break;
                case var tag:
                    WireSpan.Skip(ref chunk, tag);
                    break;
            }
        }
    }

    private void Take(ReadOnlySpan<byte> data)
    {
        Dispose();
        _rented = ArrayPool<byte>.Shared.Rent(data.Length);
        _length = data.Length;
        data.CopyTo(_rented);
    }
}
