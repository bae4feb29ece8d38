using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>
/// Element i is kept where word i mod 4 of the Philox block i / 4 is at least <see cref="Threshold"/>. Whether it is depends on
/// seed, stream and i alone.
/// </summary>
public readonly unsafe struct Dropout(ulong seed, double ratio)
{
    private const int Tile = 1024;

    /// <summary>ratio · 2^32 to the nearest: the number of words that drop an element.</summary>
    public ulong Threshold { get; } = (ulong)Math.Round(ratio * 4294967296.0);

    /// <summary>y = x / (1 − ratio) where kept, else exactly 0, for the elements [start, end); start is a multiple of 4.</summary>
    [SkipLocalsInit]
    public void Run<T>(T* x, T* y, long start, long end, ulong stream)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        uint* words = stackalloc uint[Tile];
        T factor = T.CreateTruncating(1 / (1 - ratio));
        for (long at = start; at < end; at += Tile)
        {
            int n = (int)Math.Min(Tile, end - at);
            Philox.Fill(words, (n + 3) / 4, (ulong)at / 4, stream, seed);
            int i = Threshold > uint.MaxValue ? 0 : Whole(x + at, y + at, words, n, factor);
            for (; i < n; i++)
                y[at + i] = words[i] >= Threshold ? x[at + i] * factor : T.Zero;
        }
    }

    /// <summary>y = 1 where kept, else 0, for the elements [start, end); start is a multiple of 4.</summary>
    [SkipLocalsInit]
    public void Mask(byte* y, long start, long end, ulong stream)
    {
        uint* words = stackalloc uint[Tile];
        for (long at = start; at < end; at += Tile)
        {
            int n = (int)Math.Min(Tile, end - at);
            Philox.Fill(words, (n + 3) / 4, (ulong)at / 4, stream, seed);
            for (int i = 0; i < n; i++)
                y[at + i] = words[i] >= Threshold ? (byte)1 : (byte)0;
        }
    }

    /// <summary>The part that fills registers; a product and a selection have the same bits in any of them.</summary>
    private int Whole<T>(T* x, T* y, uint* words, int n, T factor)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (threshold, scale) = (new Vector<uint>((uint)Threshold), new Vector<T>(factor));
        int i = 0;
        for (; i <= n - Vector<uint>.Count; i += Vector<uint>.Count)
        {
            var kept = Vector.GreaterThanOrEqual(Vector.Load(words + i), threshold);
            if (typeof(T) == typeof(float))
            {
                (kept.As<uint, T>() & (Vector.Load(x + i) * scale)).Store(y + i);
                continue;
            }

            // The sign carries a mask of 32 bits over to 64.
            Vector.Widen(kept.As<uint, int>(), out var low, out var high);
            (low.As<long, T>() & (Vector.Load(x + i) * scale)).Store(y + i);
            (high.As<long, T>() & (Vector.Load(x + i + Vector<T>.Count) * scale)).Store(y + i + Vector<T>.Count);
        }

        return i;
    }
}
