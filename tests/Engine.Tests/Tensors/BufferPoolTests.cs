using System.Runtime.InteropServices;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Tensors;

public sealed class BufferPoolTests
{
    [Fact]
    public void EverySizeHasACapacityThatHoldsItAndWastesAtMostAQuarter()
    {
        var capacityOf = new Dictionary<int, long>();
        foreach (var bytes in Enumerable.Range(0, 70_001).Select(i => (long)i).Concat(Enumerable.Range(0, 41).SelectMany(p => new[] { (1L << p) - 1, 1L << p, (1L << p) + 1 })))
        {
            var sizeClass = BufferPool.ClassOf(bytes, out var capacity);
            Assert.True(capacity >= bytes, $"{bytes} bytes in {capacity}");
            Assert.Equal(0, capacity % 64);
            Assert.True(capacity <= (1.25 * bytes) + 64, $"{bytes} bytes in {capacity}");

            // Blocks of one class are exchangeable.
            Assert.True(!capacityOf.TryGetValue(sizeClass, out var known) || known == capacity);
            capacityOf[sizeClass] = capacity;
        }

        Assert.Equal(capacityOf.Count, capacityOf.Values.Distinct().Count());
    }

    [Fact]
    public unsafe void BlocksAreAlignedAndOfTheirCapacity()
    {
        using var pool = new BufferPool();
        foreach (var bytes in new[] { 0, 1, 63, 64, 65, 1000, 70_000 })
        {
            var buffer = pool.Rent(bytes, "test");
            Assert.Equal(0, (nint)buffer.Pointer % 64);
            buffer.AsSpan<byte>(buffer.Capacity).Fill(7);
            Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan<byte>(buffer.Capacity + 1).Length);
            buffer.Release();
        }
    }

    [Fact]
    public void ReturnedBlocksAreUsedAgain()
    {
        using var pool = new BufferPool();
        var first = pool.Rent(1000, "a");
        first.Release();
        var again = pool.Rent(1010, "b");
        Assert.Same(first, again);
        Assert.Equal(again.Capacity, pool.HeldBytes);
        again.Release();
    }

    [Theory]
    [InlineData(1L << 20)]
    [InlineData((1L << 52) + 1)]
    [InlineData(long.MaxValue)]
    public void OverTheBudgetNothingIsAllocated(long bytes)
    {
        using var pool = new BufferPool(new BufferPoolOptions { BudgetBytes = 1 << 16 });
        var kept = pool.Rent(100, "kept");
        var (held, high) = (pool.HeldBytes, pool.HighWaterBytes);
        var error = Assert.Throws<GradientsException>(() => pool.Rent(bytes, "bomb"));
        Assert.Equal(ErrorReasons.MemoryBudgetExceeded, error.Reason);
        Assert.Equal(ErrorCode.ResourceExhausted, error.Code);
        Assert.Equal((held, high, 1), (pool.HeldBytes, pool.HighWaterBytes, pool.RentedCount));
        kept.Release();
    }

    [Fact]
    public void AnUnlimitedBudgetStillRefusesWhatNoAddressHolds()
    {
        using var pool = new BufferPool(new BufferPoolOptions { BudgetBytes = long.MaxValue });
        Assert.Equal(ErrorReasons.MemoryBudgetExceeded, Assert.Throws<GradientsException>(() => pool.Rent(long.MaxValue, "bomb")).Reason);
        Assert.Equal(ErrorReasons.MemoryBudgetExceeded, Assert.Throws<GradientsException>(() => pool.Rent(1L << 51, "bomb")).Reason);
        Assert.Equal(0, pool.HeldBytes);
    }

    [Fact]
    public void TheBudgetCountsCapacityAndIsUsableToTheLastByte()
    {
        using var pool = new BufferPool(new BufferPoolOptions { BudgetBytes = 640 });
        var all = Enumerable.Range(0, 10).Select(_ => pool.Rent(1, "small")).ToList();
        Assert.Equal(640, pool.RentedBytes);
        Assert.Throws<GradientsException>(() => pool.Rent(0, "one more"));
        all.ForEach(b => b.Release());
        Assert.Equal((0, 640), (pool.RentedBytes, pool.HeldBytes));
    }

    [Fact]
    public void KeptBlocksMakeWayForOtherSizes()
    {
        using var pool = new BufferPool(new BufferPoolOptions { BudgetBytes = 1024 });
        foreach (var buffer in Enumerable.Range(0, 16).Select(_ => pool.Rent(64, "small")).ToList())
            buffer.Release();
        Assert.Equal(1024, pool.HeldBytes);
        var large = pool.Rent(1024, "large");
        Assert.Equal(1024, pool.HeldBytes);
        large.Release();
        pool.Trim();
        Assert.Equal(0, pool.HeldBytes);
    }

    [Fact]
    public void TheLedgerNamesOwners()
    {
        using var pool = new BufferPool();
        var a = pool.Rent(64, "a");
        var b = pool.Rent(100, "b");
        var c = pool.Rent(64, "b");
        Assert.Equal(new Dictionary<string, (int, long)> { ["a"] = (1, 64), ["b"] = (2, 192) }, pool.Ledger());
        b.Release();
        a.Release();
        Assert.Equal(new Dictionary<string, (int, long)> { ["b"] = (1, 64) }, pool.Ledger());
        c.Release();
        Assert.Empty(pool.Ledger());
        Assert.Equal(256, pool.HighWaterBytes);
    }

    [Fact]
    public void ReturnedBlocksAreFilledWithNaN()
    {
        using var pool = new BufferPool(new BufferPoolOptions { PoisonReturned = true });
        var buffer = pool.Rent(1 << 16, "test");
        buffer.AsSpan<float>(buffer.Capacity / 4).Fill(1);
        buffer.Release();
        var again = pool.Rent(1 << 16, "test");
        Assert.Same(buffer, again);
        foreach (var x in again.AsSpan<float>(again.Capacity / 4))
            Assert.True(float.IsNaN(x));
        foreach (var x in again.AsSpan<double>(again.Capacity / 8))
            Assert.True(double.IsNaN(x));
        again.Release();
    }

    [Fact]
    public void OnlyTheLastReleaseReturns()
    {
        using var pool = new BufferPool();
        var buffer = pool.Rent(64, "test").Retain();
        Assert.False(buffer.IsExclusive);
        buffer.Release();
        Assert.True(buffer.IsExclusive);
        Assert.Equal(1, pool.RentedCount);
        buffer.Release();
        Assert.Equal(0, pool.RentedCount);
    }

    [Fact]
    public void ReleasingTwiceThrowsAndCountsOnce()
    {
        using var pool = new BufferPool();
        var buffer = pool.Rent(64, "test");
        buffer.Release();
        Assert.Throws<InvalidOperationException>(buffer.Release);
        Assert.Equal((0L, 0), (pool.RentedBytes, pool.RentedCount));
    }

    [Fact]
    public void BlocksOutliveADisposedPool()
    {
        var pool = new BufferPool();
        var buffer = pool.Rent(64, "late");
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Rent(1, "test"));
        buffer.AsSpan<byte>(64).Fill(1);
        buffer.Release();
        Assert.Equal((0L, 0L), (pool.HeldBytes, pool.RentedBytes));
    }

    [Fact]
    public void ConcurrentHoldersNeverShareABlock()
    {
        using var pool = new BufferPool(new BufferPoolOptions { BudgetBytes = 1 << 20 });
        var failures = 0;
        var threads = Enumerable.Range(1, 4).Select(id => new Thread(() =>
        {
            var random = new Random(id);
            for (var i = 0; i < 20_000; i++)
            {
                try
                {
                    var buffer = pool.Rent(random.Next(1, 5000), "thread");
                    var marks = buffer.AsSpan<long>(buffer.Capacity / 8);
                    marks[0] = marks[^1] = ((long)id << 32) + i;
                    Thread.SpinWait(20);
                    if (marks[0] != ((long)id << 32) + i || marks[^1] != ((long)id << 32) + i)
                        Interlocked.Increment(ref failures);
                    buffer.Release();
                }
                catch (GradientsException)
                {
                    Interlocked.Increment(ref failures);
                }
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.Equal(0, failures);
        Assert.Empty(pool.Ledger());
        Assert.Equal(0, pool.RentedBytes);
        pool.Trim();
        Assert.Equal(0, pool.HeldBytes);
    }

    [Fact]
    public void TensorsTakeExactlyTheirBytes()
    {
        using var pool = new BufferPool();
        var error = Assert.Throws<GradientsException>(() => Tensor.FromBytes(pool, DataType.Float32, new Shape(3), new byte[11]));
        Assert.Equal(ErrorReasons.ContentSizeMismatch, error.Reason);
        Assert.Empty(pool.Ledger());
        using var tensor = Tensor.FromBytes(pool, DataType.Float32, new Shape(1), MemoryMarshal.AsBytes<float>([1.5f]));
        Assert.Equal([1.5f], tensor.AsSpan<float>().ToArray());
        using var share = tensor.Share();
        tensor.Dispose();
        tensor.Dispose();
        Assert.Equal([1.5f], share.AsSpan<float>().ToArray());
        Assert.Throws<ObjectDisposedException>(() => tensor.AsBytes().Length);
    }
}
