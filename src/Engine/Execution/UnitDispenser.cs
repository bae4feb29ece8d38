using System.Runtime.InteropServices;

namespace Gradients.Engine.Execution;

/// <summary>
/// Hands out numbers to threads, each once, in increasing order. Its counters only grow, over all ranges that it is ever
/// opened for: a thread that is late takes nothing of a later range by what it saw of an earlier one.
/// </summary>
internal sealed class UnitDispenser
{
    private Counters _counters;
    private long _base;

    /// <summary>How many numbers were taken and are done, over all ranges, by threads that call <see cref="Done"/>.</summary>
    public long DoneCount => Volatile.Read(ref _counters.Done);

    /// <summary>Whether a number can be taken now.</summary>
    public bool IsOpen => Volatile.Read(ref _counters.Next) < Volatile.Read(ref _counters.Limit);

    /// <summary>Opens [first, end). The range before is closed and its numbers are done.</summary>
    public void Open(long first, long end)
    {
        var next = _counters.Next;
        _base = next - first;
        Volatile.Write(ref _counters.Limit, next + end - first);
    }

    /// <param name="permit">0 = nothing may be taken. Whoever opens sets it before, and clears it only while closed.</param>
    public bool TryTake(ref nint permit, out long number)
    {
        // The limit first: when the range that it belongs to is over, what is next has reached it, so a number that is taken
        // is of the range for which the permit was read.
        var limit = Volatile.Read(ref _counters.Limit);
        var next = Volatile.Read(ref _counters.Next);
        while (next < limit && Volatile.Read(ref permit) != 0)
        {
            var seen = Interlocked.CompareExchange(ref _counters.Next, next + 1, next);
            if (seen == next)
            {
                number = next - _base;
                return true;
            }

            next = seen;
        }

        number = 0;
        return false;
    }

    public void Done(long count = 1) => Interlocked.Add(ref _counters.Done, count);

    /// <summary>Takes all that is left and returns how many that is.</summary>
    public long Close()
    {
        var limit = Volatile.Read(ref _counters.Limit);
        var next = Volatile.Read(ref _counters.Next);
        while (next < limit)
        {
            var seen = Interlocked.CompareExchange(ref _counters.Next, limit, next);
            if (seen == next)
                return limit - next;
            next = seen;
        }

        return 0;
    }

    /// <summary>Each counter on cache lines of its own: they are written by different threads.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 512)]
    private struct Counters
    {
        [FieldOffset(128)]
        public long Next;

        [FieldOffset(256)]
        public long Limit;

        [FieldOffset(384)]
        public long Done;
    }
}
