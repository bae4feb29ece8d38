using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>
/// Philox 4×32-10 (Salmon, Moraes, Dror, Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011): a bijection of a counter of
/// four words under a key of two. Nothing is carried from number to number, so that any part of a stream can be computed
/// again, in any order.
/// </summary>
public static unsafe class Philox
{
    private const uint FirstMultiplier = 0xD251_1F53;
    private const uint SecondMultiplier = 0xCD9E_8D57;
    private const uint FirstWeyl = 0x9E37_79B9;
    private const uint SecondWeyl = 0xBB67_AE85;
    private const int Rounds = 10;

    /// <summary>The four words of one counter.</summary>
    public static (uint, uint, uint, uint) Block(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong first = (ulong)FirstMultiplier * c0, second = (ulong)SecondMultiplier * c2;
            (c0, c1, c2, c3) = ((uint)(second >> 32) ^ c1 ^ k0, (uint)second, (uint)(first >> 32) ^ c3 ^ k1, (uint)first);
            k0 += FirstWeyl;
            k1 += SecondWeyl;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>
    /// words[4 i + w] = word w of the counter (block + i, stream), each of 64 bits with the low word first, under the key
    /// <paramref name="seed"/>.
    /// </summary>
    public static void Fill(uint* words, long blocks, ulong block, ulong stream, ulong seed)
    {
        long i = 0;
        if (Avx512F.IsSupported && Vector512.IsHardwareAccelerated)
        {
            for (; i <= blocks - 8; i += 8)
                Eight(words + (4 * i), block + (ulong)i, stream, seed);
        }
        else if (Avx2.IsSupported)
        {
            for (; i <= blocks - 4; i += 4)
                Four(words + (4 * i), block + (ulong)i, stream, seed);
        }

        for (; i < blocks; i++)
        {
            ulong counter = block + (ulong)i;
            (words[4 * i], words[(4 * i) + 1], words[(4 * i) + 2], words[(4 * i) + 3]) =
                Block((uint)counter, (uint)(counter >> 32), (uint)stream, (uint)(stream >> 32), (uint)seed, (uint)(seed >> 32));
        }
    }

    /// <summary>A word in each 64-bit lane; what stands in the high half of a lane is ignored by the products.</summary>
    private static void Eight(uint* words, ulong block, ulong stream, ulong seed)
    {
        Vector512<ulong> c0 = Vector512<ulong>.Indices + Vector512.Create(block), c1 = c0 >>> 32;
        Vector512<ulong> c2 = Vector512.Create(stream), c3 = Vector512.Create(stream >> 32);
        var firstMultiplier = Vector512.Create((ulong)FirstMultiplier).AsUInt32();
        var secondMultiplier = Vector512.Create((ulong)SecondMultiplier).AsUInt32();
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            var first = Avx512F.Multiply(c0.AsUInt32(), firstMultiplier);
            var second = Avx512F.Multiply(c2.AsUInt32(), secondMultiplier);
            c0 = (second >>> 32) ^ c1 ^ Vector512.Create((ulong)k0);
            c2 = (first >>> 32) ^ c3 ^ Vector512.Create((ulong)k1);
            (c1, c3) = (second, first);
            k0 += FirstWeyl;
            k1 += SecondWeyl;
        }

        var low = Vector512.Create((ulong)uint.MaxValue);
        var left = (c0 & low) | (c1 << 32);
        var right = (c2 & low) | (c3 << 32);
        ulong* pairs = (ulong*)words;
        Vector512.Store(Avx512F.PermuteVar8x64x2(left, Vector512.Create(0UL, 8, 1, 9, 2, 10, 3, 11), right), pairs);
        Vector512.Store(Avx512F.PermuteVar8x64x2(left, Vector512.Create(4UL, 12, 5, 13, 6, 14, 7, 15), right), pairs + 8);
    }

    private static void Four(uint* words, ulong block, ulong stream, ulong seed)
    {
        Vector256<ulong> c0 = Vector256<ulong>.Indices + Vector256.Create(block), c1 = c0 >>> 32;
        Vector256<ulong> c2 = Vector256.Create(stream), c3 = Vector256.Create(stream >> 32);
        var firstMultiplier = Vector256.Create((ulong)FirstMultiplier).AsUInt32();
        var secondMultiplier = Vector256.Create((ulong)SecondMultiplier).AsUInt32();
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            var first = Avx2.Multiply(c0.AsUInt32(), firstMultiplier);
            var second = Avx2.Multiply(c2.AsUInt32(), secondMultiplier);
            c0 = (second >>> 32) ^ c1 ^ Vector256.Create((ulong)k0);
            c2 = (first >>> 32) ^ c3 ^ Vector256.Create((ulong)k1);
            (c1, c3) = (second, first);
            k0 += FirstWeyl;
            k1 += SecondWeyl;
        }

        var low = Vector256.Create((ulong)uint.MaxValue);
        var left = (c0 & low) | (c1 << 32);
        var right = (c2 & low) | (c3 << 32);
        ulong* pairs = (ulong*)words;
        for (int i = 0; i < 4; i++)
            (pairs[2 * i], pairs[(2 * i) + 1]) = (left[i], right[i]);
    }
}
