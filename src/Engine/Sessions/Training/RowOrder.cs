using System.Diagnostics;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions.Training;

/// <summary>
/// The order of n rows in an epoch e, by an inside-out shuffle (Durstenfeld 1964): for i = 0 … n−1, j = ⌊u(i)·(i+1)/2⁶⁴⌋,
/// order[i] = order[j], order[j] = i, with u(i) the first 64 bits of the Philox block of counter (i, e) under the seed. An
/// epoch's order depends on n, e and the seed only, so that a loop can begin at any epoch.
/// </summary>
internal sealed unsafe class RowOrder(long rows, ulong seed, BufferPool pool, Quota? account) : IDisposable
{
    /// <summary>Rows between two looks at the clock: some ten microseconds.</summary>
    private const int Piece = 2048;

    private readonly PooledBuffer _order = pool.Rent(checked(rows * sizeof(uint)), "training", account);
    private long _epoch = -1;
    private long _done;

    public uint this[long position] => ((uint*)_order.Pointer)[position];

    /// <summary>Goes on making an epoch's order; false when the time is over before it is made.</summary>
    public bool TryPrepare(long epoch, long parkAt, CancellationToken cancellation)
    {
        if (epoch != _epoch)
            (_epoch, _done) = (epoch, 0);
        while (_done < rows)
        {
            cancellation.ThrowIfCancellationRequested();
            Shuffle((int)Math.Min(Piece, rows - _done));
            if (_done < rows && parkAt != long.MaxValue && Stopwatch.GetTimestamp() >= parkAt)
                return false;
        }

        return true;
    }

    public void Dispose() => _order.Release();

    private void Shuffle(int count)
    {
        const int Blocks = 64;
        var words = stackalloc uint[4 * Blocks];
        var order = (uint*)_order.Pointer;
        for (var end = _done + count; _done < end; _done++)
        {
            var block = (int)(_done % Blocks);
            if (block == 0)
                Philox.Fill(words, Blocks, (ulong)_done, (ulong)_epoch, seed);
            var random = words[4 * block] | ((ulong)words[(4 * block) + 1] << 32);
            var j = (long)Math.BigMul(random, (ulong)_done + 1, out _);
            order[_done] = order[j];
            order[j] = (uint)_done;
        }
    }
}
