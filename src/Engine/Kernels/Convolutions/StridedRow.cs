using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>Copies between a row and every n-th element of another. Two elements of four bytes are one of eight, of which one half counts.</summary>
internal static unsafe class StridedRow
{
    /// <summary>to[i] = from[i · stride].</summary>
    public static void Gather<T>(T* from, int stride, T* to, int count)
        where T : unmanaged
    {
        int i = 0;
        if (IsHalved<T>(stride))
        {
            // Behind the last element there may be nothing.
            for (; i < count - Vector256<uint>.Count; i += Vector256<uint>.Count)
            {
                ulong* pairs = (ulong*)(from + (2 * i));
                Vector256.Store(Vector256.Narrow(Vector256.Load(pairs), Vector256.Load(pairs + Vector256<ulong>.Count)), (uint*)(to + i));
            }

            // The last ones again, as the upper halves of pairs that begin an element earlier.
            if (i > 0)
            {
                i = count - Vector256<uint>.Count;
                ulong* pairs = (ulong*)(from + (2 * i) - 1);
                Vector256.Store(Vector256.Narrow(Vector256.Load(pairs) >>> 32, Vector256.Load(pairs + Vector256<ulong>.Count) >>> 32), (uint*)(to + i));
                return;
            }
        }

        for (; i < count; i++)
            to[i] = from[(long)i * stride];
    }

    /// <summary>to[i · stride] = from[i]; what lies between stays as it is.</summary>
    public static void Scatter<T>(T* from, T* to, int stride, int count)
        where T : unmanaged
    {
        int i = 0;
        if (IsHalved<T>(stride))
        {
            // What lies behind the last element may be another thread's.
            for (; i < count - Vector256<uint>.Count; i += Vector256<uint>.Count)
            {
                ulong* pairs = (ulong*)(to + (2 * i));
                var (lower, upper) = Vector256.Widen(Vector256.Load((uint*)(from + i)));
                Merge(pairs, lower, ~(ulong)uint.MaxValue);
                Merge(pairs + Vector256<ulong>.Count, upper, ~(ulong)uint.MaxValue);
            }

            // The last ones again, as the upper halves of pairs that begin an element earlier.
            if (i > 0)
            {
                i = count - Vector256<uint>.Count;
                ulong* pairs = (ulong*)(to + (2 * i) - 1);
                var (lower, upper) = Vector256.Widen(Vector256.Load((uint*)(from + i)));
                Merge(pairs, lower << 32, uint.MaxValue);
                Merge(pairs + Vector256<ulong>.Count, upper << 32, uint.MaxValue);
                return;
            }
        }

        for (; i < count; i++)
            to[(long)i * stride] = from[i];
    }

    private static bool IsHalved<T>(int stride)
        where T : unmanaged => stride == 2 && sizeof(T) == sizeof(uint) && BitConverter.IsLittleEndian && Vector256.IsHardwareAccelerated;

    private static void Merge(ulong* pairs, Vector256<ulong> values, ulong kept) =>
        Vector256.Store((Vector256.Load(pairs) & Vector256.Create(kept)) | values, pairs);
}
