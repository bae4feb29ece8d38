using System.Numerics;
using System.Runtime.InteropServices;

namespace Gradients.Engine.Tensors;

public sealed record BufferPoolOptions
{
    /// <summary>The most native bytes the pool holds, rented and kept for reuse together. The default value is 1 GiB.</summary>
    public long BudgetBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Fills returned blocks with 0xFF bytes (NaN in both floating types), so that a read after return shows. The default
    /// value is false; tests switch it on.
    /// </summary>
    public bool PoisonReturned { get; init; }
}

/// <summary>
/// Native blocks, aligned to 64 bytes and large ones to huge pages, in size classes (four to each power of two), under one byte budget, with a ledger of what is out.
/// The budget counts capacity, kept blocks included, because the runtime does not see native memory. Thread-safe.
/// A rent that repeats an earlier size allocates nothing.
/// </summary>
public sealed unsafe class BufferPool(BufferPoolOptions? options = null) : IDisposable
{
    private const int Alignment = 64;
    private const long MaxBytes = 1L << 51;
    private const int SizeClasses = 4 * 44;
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly BufferPoolOptions _options = options ?? new BufferPoolOptions();
    private readonly Stack<PooledBuffer>[] _kept = CreateStacks();
    private readonly List<PooledBuffer> _out = [];
    private long _heldBytes;
    private long _chargedBytes;
    private long _outBytes;
    private long _highWaterBytes;
    private bool _disposed;

    public long BudgetBytes => _options.BudgetBytes;

    /// <summary>Bytes of blocks that are rented now.</summary>
    public long RentedBytes => Volatile.Read(ref _outBytes);

    /// <summary>The most bytes that were rented at one time.</summary>
    public long HighWaterBytes => Volatile.Read(ref _highWaterBytes);

    /// <summary>Bytes of all native blocks, rented or kept.</summary>
    public long HeldBytes => Volatile.Read(ref _heldBytes);

    /// <summary>Bytes that others hold at the cost of the budget.</summary>
    public long ChargedBytes => Volatile.Read(ref _chargedBytes);

    /// <summary>How many blocks are rented now.</summary>
    public int RentedCount
    {
        get
        {
            lock (_gate)
                return _out.Count;
        }
    }

    /// <summary>The ledger: for each owner named at rent, how many blocks are out and their bytes.</summary>
    public IReadOnlyDictionary<string, (int Count, long Bytes)> Ledger()
    {
        lock (_gate)
        {
            return _out.GroupBy(b => b.Owner).ToDictionary(g => g.Key, g => (g.Count(), g.Sum(b => b.Capacity)));
        }
    }

    /// <summary>Rents a block of at least <paramref name="bytes"/>; its content is undefined.</summary>
    /// <param name="bytes">Wanted bytes, not negative; 0 gives the smallest block.</param>
    /// <param name="owner">Who holds it, for the ledger; a constant string.</param>
    /// <param name="account">Whose part of the budget it counts to, until it is returned; null = nobody's.</param>
    /// <exception cref="GradientsException">RESOURCE_EXHAUSTED, MEMORY_BUDGET_EXCEEDED; nothing is allocated then.</exception>
    public PooledBuffer Rent(long bytes, string owner, Quota? account = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (bytes > Math.Min(_options.BudgetBytes, MaxBytes))
            throw Exceeded(bytes);
        var sizeClass = ClassOf(bytes, out var capacity);
        account?.Take(capacity);
        try
        {
            return Rent(bytes, capacity, sizeClass, owner, account);
        }
        catch
        {
            account?.Give(capacity);
            throw;
        }
    }

    /// <summary>Counts managed memory that belongs to the budget and is not the pool's: graphs, compilations, small buffers of connections.</summary>
    /// <param name="bytes">Bytes to count.</param>
    /// <param name="account">Whose part of the budget they count to; null = nobody's.</param>
    /// <param name="beyond">Bytes by which this charge may exceed the budget. Nothing else gets room before they are taken back.</param>
    /// <exception cref="GradientsException">RESOURCE_EXHAUSTED, MEMORY_BUDGET_EXCEEDED; nothing is counted then.</exception>
    public void Charge(long bytes, Quota? account = null, long beyond = 0)
    {
        account?.Take(bytes);
        lock (_gate)
        {
            if (bytes > Room)
                Trim(bytes);
            if (bytes <= Room + beyond)
            {
                _chargedBytes += bytes;
                return;
            }
        }

        account?.Give(bytes);
        throw Exceeded(bytes);
    }

    /// <summary>Takes back what <see cref="Charge"/> counted.</summary>
    public void Discharge(long bytes, Quota? account = null)
    {
        lock (_gate)
            _chargedBytes -= bytes;
        account?.Give(bytes);
    }

    private PooledBuffer Rent(long bytes, long capacity, int sizeClass, string owner, Quota? account)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_kept[sizeClass].TryPop(out var buffer))
            {
                if (capacity > Room)
                    Trim(capacity);
                if (capacity > Room)
                    throw Exceeded(bytes);
                buffer = new PooledBuffer(this, Allocate(capacity), capacity, sizeClass);
                _heldBytes += capacity;
            }

            buffer.Hand(owner, account);
            buffer.LedgerIndex = _out.Count;
            _out.Add(buffer);
            _outBytes += buffer.Capacity;
            _highWaterBytes = Math.Max(_highWaterBytes, _outBytes);
            return buffer;
        }
    }

    /// <summary>Refuses what several rents together could not get, before the first of them.</summary>
    /// <exception cref="GradientsException">RESOURCE_EXHAUSTED, MEMORY_BUDGET_EXCEEDED.</exception>
    public void Require(long bytes, Quota? account = null)
    {
        if (bytes > _options.BudgetBytes - RentedBytes - ChargedBytes)
            throw Exceeded(bytes);
        account?.Require(bytes);
    }

    /// <summary>Frees the blocks that are kept for reuse.</summary>
    public void Trim()
    {
        lock (_gate)
            Trim(long.MaxValue);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Trim(long.MaxValue);
        }
    }

    internal void Return(PooledBuffer buffer)
    {
        if (_options.PoisonReturned)
            NativeMemory.Fill(buffer.Pointer, (nuint)buffer.Capacity, 0xFF);
        var (account, capacity) = (buffer.Account, buffer.Capacity);
        lock (_gate)
        {
            // The last entry takes the place of the one that leaves.
            var last = _out[^1];
            _out[buffer.LedgerIndex] = last;
            last.LedgerIndex = buffer.LedgerIndex;
            _out.RemoveAt(_out.Count - 1);
            _outBytes -= buffer.Capacity;
            if (_disposed)
                Free(buffer);
            else
                _kept[buffer.SizeClass].Push(buffer);
        }

        // Only now: the account never shows less than what is out.
        account?.Give(capacity);
    }

    private long Room => _options.BudgetBytes - _heldBytes - _chargedBytes;

    private static byte* Allocate(long capacity)
    {
        try
        {
            return HugePages.Allocate(capacity, Alignment);
        }
        catch (OutOfMemoryException e)
        {
            throw new GradientsException(ErrorCode.ResourceExhausted, ErrorReasons.MemoryBudgetExceeded, $"The system refused {capacity} bytes.", e);
        }
    }

    private void Trim(long wanted)
    {
        for (var c = SizeClasses - 1; c >= 0 && wanted > Room; c--)
        {
            while (wanted > Room && _kept[c].TryPop(out var buffer))
                Free(buffer);
        }
    }

    private void Free(PooledBuffer buffer)
    {
        _heldBytes -= buffer.Capacity;
        NativeMemory.AlignedFree(buffer.Pointer);
    }

    /// <summary>Tells nothing of what is in use: others use it.</summary>
    private GradientsException Exceeded(long bytes) =>
        GradientsException.Exhausted(ErrorReasons.MemoryBudgetExceeded, $"{bytes} bytes were asked for; the budget of {_options.BudgetBytes} bytes has no room for them now.")
            .Limited("memory_budget_bytes", bytes.ToString(), "server", bytes <= _options.BudgetBytes ? RetryAfter : null);

    /// <summary>Classes 64·2^p·(4+q)/4 with q in 0..3; every capacity is a multiple of 64.</summary>
    internal static int ClassOf(long bytes, out long capacity)
    {
        var blocks = (ulong)Math.Max(1, (bytes + Alignment - 1) / Alignment);
        if (blocks <= 4)
        {
            capacity = (long)blocks * Alignment;
            return (int)blocks - 1;
        }

        var power = 63 - BitOperations.LeadingZeroCount(blocks - 1);
        var quarter = 1UL << (power - 2);
        var steps = ((blocks - 1 - (1UL << power)) / quarter) + 1;
        capacity = (long)(((1UL << power) + (steps * quarter)) * Alignment);
        return (4 * (power - 1)) + (int)steps - 1;
    }

    private static Stack<PooledBuffer>[] CreateStacks()
    {
        var stacks = new Stack<PooledBuffer>[SizeClasses];
        for (var i = 0; i < stacks.Length; i++)
            stacks[i] = new Stack<PooledBuffer>();
        return stacks;
    }
}
