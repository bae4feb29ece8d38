using System.Buffers;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Tensors;
using Gradients.Server.Hosting;

namespace Gradients.Server.Tests.Wire;

public sealed class ConnectionMemoryTests
{
    [Fact]
    public void Blocks_are_large_up_to_the_limit_and_then_small_and_counted()
    {
        using var host = Host();
        var memory = new ConnectionMemory(new GradientsServerOptions { ConnectionBufferBytes = 2 * ConnectionMemory.LargeBytes }, host);
        var pool = memory.Create();
        IMemoryOwner<byte>[] blocks = [.. Enumerable.Range(0, 5).Select(_ => pool.Rent(4096))];
        Assert.Equal([65536, 65536, 4096, 4096, 4096], blocks.Select(b => b.Memory.Length));
        Assert.Equal(blocks.Sum(b => b.Memory.Length), memory.RentedBytes);
        Assert.InRange(host.Pool.ChargedBytes, 3 * 4096, 1 << 18);
        foreach (var block in blocks)
            block.Dispose();
        Assert.Equal((0, 0), (memory.RentedBytes, host.Pool.ChargedBytes));
        Assert.Equal(2 * 65536 + (3 * 4096), memory.HighWaterBytes);

        // A second disposal gives nothing back twice, and what came back is used again.
        blocks[0].Dispose();
        Assert.Same(blocks[1], pool.Rent());
        Assert.Equal(65536, memory.RentedBytes);
    }

    [Fact]
    public void Where_the_budget_has_no_room_no_block_is_given()
    {
        using var host = Host();
        var pool = new ConnectionMemory(new GradientsServerOptions { ConnectionBufferBytes = 0 }, host).Create();
        var blocks = new List<IMemoryOwner<byte>>();
        var refusal = Assert.Throws<GradientsException>(() =>
        {
            for (var i = 0; i < 1000; i++)
                blocks.Add(pool.Rent());
        });
        Assert.Equal("MEMORY_BUDGET_EXCEEDED", refusal.Reason);
        Assert.Equal(1 << 20, host.Pool.ChargedBytes);
        Assert.Equal((1 << 20) / 4096, blocks.Count);
        foreach (var block in blocks)
            block.Dispose();
        Assert.Equal(0, host.Pool.ChargedBytes);
    }

    [Fact]
    public void A_budget_full_of_tensors_is_exceeded_by_as_much_as_there_are_large_blocks_and_no_more()
    {
        using var host = Host();
        var tensors = host.Pool.Rent(1 << 20, "tensors");
        var pool = new ConnectionMemory(new GradientsServerOptions { ConnectionBufferBytes = 1 << 19 }, host).Create();
        IMemoryOwner<byte>[] blocks = [.. Enumerable.Range(0, (1 << 19) / 65536 + ((1 << 19) / 4096)).Select(_ => pool.Rent())];
        Assert.Equal("MEMORY_BUDGET_EXCEEDED", Assert.Throws<GradientsException>(() => pool.Rent()).Reason);

        // What connections hold beyond the budget is missing to everyone else, until it comes back.
        tensors.Release();
        Assert.Throws<GradientsException>(() => host.Pool.Charge((1 << 19) + 1));
        host.Pool.Charge(1 << 19);
        host.Pool.Discharge(1 << 19);
        foreach (var block in blocks)
            block.Dispose();
        Assert.Equal(0, host.Pool.ChargedBytes);
    }

    private static EngineHost Host() => new(new EngineOptions { Pool = new BufferPoolOptions { BudgetBytes = 1 << 20 } });
}
