using System.Diagnostics;

namespace Gradients.Engine.Tensors;

/// <summary>
/// A block of native memory rented from a <see cref="BufferPool"/>, 64-byte aligned, its capacity a multiple of 64 bytes.
/// Counted: whoever keeps it calls <see cref="Retain"/>, whoever is done calls <see cref="Release"/>; the last release
/// returns it. After its own release a holder must not touch the block again: it may already be another's.
/// </summary>
public sealed unsafe class PooledBuffer
{
    private readonly BufferPool _pool;
    private int _references;

    internal PooledBuffer(BufferPool pool, byte* pointer, long capacity, int sizeClass)
    {
        _pool = pool;
        Pointer = pointer;
        Capacity = capacity;
        SizeClass = sizeClass;
    }

    public byte* Pointer { get; }

    /// <summary>Usable bytes; at least what was asked for.</summary>
    public long Capacity { get; }

    internal int SizeClass { get; }

    internal string Owner { get; private set; } = "";

    /// <summary>Whose part of the budget it counts to while it is out.</summary>
    internal Quota? Account { get; private set; }

    /// <summary>Its place in the pool's ledger while it is out; the pool's own.</summary>
    internal int LedgerIndex { get; set; }

    /// <summary>True when exactly one holder is left, who may then write in place.</summary>
    public bool IsExclusive => Volatile.Read(ref _references) == 1;

    public Span<T> AsSpan<T>(long count) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count * sizeof(T), Capacity);
        return new Span<T>(Pointer, checked((int)count));
    }

    public PooledBuffer Retain()
    {
        var now = Interlocked.Increment(ref _references);
        Debug.Assert(now > 1, "A returned buffer was retained.");
        return this;
    }

    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        if (left == 0)
            _pool.Return(this);
        else if (left < 0)
            throw new InvalidOperationException("A buffer was released more often than it was retained.");
    }

    internal void Hand(string owner, Quota? account)
    {
        Owner = owner;
        Account = account;
        Volatile.Write(ref _references, 1);
    }
}
