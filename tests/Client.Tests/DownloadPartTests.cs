using System.Buffers;
using Google.Protobuf;
using Gradients.Client.Transport;
using Gradients.Testing;

namespace Gradients.Client.Tests;

/// <summary>The parts of a download as the client reads them, against the generated message.</summary>
public sealed class DownloadPartTests
{
    public static TheoryData<V1.DownloadTensorResponse> Messages =>
    [
        new V1.DownloadTensorResponse(),
        new V1.DownloadTensorResponse { Header = new V1.TensorHeader { DataType = V1.DataType.Float64, Shape = { 3, 0, 1L << 40 } } },
        new V1.DownloadTensorResponse { Chunk = new V1.TensorChunk() },
        new V1.DownloadTensorResponse { Chunk = new V1.TensorChunk { Offset = 7, Data = ByteString.CopyFrom(1, 2, 3) } },
        new V1.DownloadTensorResponse { Chunk = new V1.TensorChunk { Offset = ulong.MaxValue, Data = ByteString.CopyFrom(new byte[300_000]), Crc32C = 0xDEADBEEF } },
    ];

    [Theory]
    [MemberData(nameof(Messages))]
    public void They_say_what_the_message_says(V1.DownloadTensorResponse message)
    {
        var bytes = message.ToByteArray();
        // Fields of a later contract: a varint, a length and bytes, 4 and 8 bytes.
        byte[] unknown = [0x78, 0x96, 0x01, 0x7A, 2, 1, 2, 0x7D, 1, 2, 3, 4, 0x79, 1, 2, 3, 4, 5, 6, 7, 8];
        foreach (var sent in (ReadOnlySequence<byte>[])[new(bytes), Pieces.Of(bytes, bytes.Length / 2), new([.. bytes, .. unknown])])
        {
            using var part = DownloadPart.Parse(sent);
            Assert.Equal(message.Header, part.Header);
            Assert.Equal(message.Chunk is not null, part.HasChunk);
            Assert.Equal(message.Chunk?.Offset ?? 0, part.Offset);
            Assert.Equal(message.Chunk?.Data.ToByteArray() ?? [], part.Data.ToArray());
            Assert.Equal(message.Chunk is { HasCrc32C: true } chunk ? chunk.Crc32C : null, part.Crc32C);
        }
    }

    [Fact]
    public void A_message_that_ends_early_is_an_error_wherever_it_does()
    {
        var bytes = new V1.DownloadTensorResponse { Chunk = new V1.TensorChunk { Offset = 300, Data = ByteString.CopyFrom(1, 2, 3), Crc32C = 5 } }.ToByteArray();
        for (var length = 1; length < bytes.Length; length++)
            Assert.Throws<InvalidDataException>(() => DownloadPart.Parse(new ReadOnlySequence<byte>(bytes, 0, length)));
    }

    [Theory]
    [InlineData(new byte[] { 0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 })]
    [InlineData(new byte[] { 0x12, 2, 0x12, 0x05 })]
    [InlineData(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 })]
    [InlineData(new byte[] { 0x0B, 0x0C })]
    public void Lengths_and_tags_that_cannot_be_are_errors(byte[] bytes) =>
        Assert.Throws<InvalidDataException>(() => DownloadPart.Parse(new ReadOnlySequence<byte>(bytes)));
}
