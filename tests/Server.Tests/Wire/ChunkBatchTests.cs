using Gradients.Engine;
using Gradients.Server.Limits;
using Gradients.Server.Wire;
using Grpc.Core;

namespace Gradients.Server.Tests.Wire;

public sealed class ChunkBatchTests
{
    private const int Chunk = 256 << 10;

    [Fact]
    public void Chunks_of_a_mebibyte_go_together_and_the_last_waits_for_none()
    {
        var quota = new Quota("wire_budget_bytes", 4 << 20, "MEMORY_BUDGET_EXCEEDED");
        using var reply = new WireCharge(quota);
        var batch = ChunkBatch.Reserve(reply, Chunk, 6 * Chunk);
        Assert.Equal(1 << 20, quota.Used);
        Assert.Equal([true, true, true, false, true, false], Enumerable.Range(1, 6).Select(i => batch.Add(Chunk, (6 - i) * Chunk).Flags == WriteFlags.BufferHint));
        reply.Dispose();
        Assert.Equal(0, quota.Used);
    }

    [Fact]
    public void A_budget_without_room_for_more_sends_one_by_one()
    {
        var quota = new Quota("wire_budget_bytes", 300 << 10, "MEMORY_BUDGET_EXCEEDED");
        using var reply = new WireCharge(quota);
        var batch = ChunkBatch.Reserve(reply, Chunk, 6 * Chunk);
        Assert.Equal(Chunk, quota.Used);
        Assert.All(Enumerable.Range(1, 6), i => Assert.Equal(default, batch.Add(Chunk, (6 - i) * Chunk).Flags));
        using var other = new WireCharge(quota);
        Assert.Equal("MEMORY_BUDGET_EXCEEDED", Assert.Throws<GradientsException>(() => ChunkBatch.Reserve(other, Chunk, 6 * Chunk)).Reason);
    }
}
