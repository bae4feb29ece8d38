using System.IO.Compression;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>Measures allocations of the whole process, so nothing runs beside it.</summary>
[CollectionDefinition(nameof(BombTests), DisableParallelization = true)]
[Collection(nameof(BombTests))]
public sealed class BombTests
{
    [Fact]
    public async Task A_compressed_bomb_is_refused_in_bounded_memory()
    {
        await using var server = await TestServer.StartAsync();
        var inflated = new byte[256 << 20];
        using var compressed = new MemoryStream();
        await using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
            await gzip.WriteAsync(inflated);
        inflated = null;
        var frame = BareRequests.Frame(compressed.ToArray(), compressed: true);
        Assert.InRange(frame.Length, 200_000, 300_000);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var status = await BareRequests.PostAsync(server, "gradients.v1.SessionService/DefineNodes", frame, r => r.Headers.Add("grpc-encoding", "gzip"));
        Check(status, StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE");
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 32 << 20);
    }

    /// <summary>4 MiB of empty nodes or packed zeros would take some 100 MiB when parsed.</summary>
    [Theory]
    [InlineData("nodes")]
    [InlineData("ints")]
    [InlineData("unknown")]
    public async Task A_message_that_expands_is_refused_before_it_is_parsed(string kind)
    {
        await using var server = await TestServer.StartAsync();
        const int Size = 4_000_000;
        byte[] bomb = kind switch
        {
            "nodes" => [.. Enumerable.Repeat<byte[]>([0x32, 0x00], Size / 2).SelectMany(b => b)],
            "ints" => Field(6, Field(4, Field(6, Field(1, new byte[Size])))),
            _ => [.. Enumerable.Repeat<byte[]>([0xFA, 0x01, 0x00], Size / 3).SelectMany(b => b)],
        };
        await RawCalls.UnaryAsync(server, "gradients.v1.ServerService", "GetServerInfo", []);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await RefusedAsync(StatusCode.ResourceExhausted, "LIMIT_EXCEEDED", () => RawCalls.UnaryAsync(server, "gradients.v1.SessionService", "DefineNodes", bomb));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 32 << 20);
    }

    private static byte[] Field(int number, byte[] content) => [(byte)((number << 3) | 2), .. Varint(content.Length), .. content];

    private static byte[] Varint(int value)
    {
        var bytes = new List<byte>();
        for (; value >= 128; value >>= 7)
            bytes.Add((byte)(value | 128));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
