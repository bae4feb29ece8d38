using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Benchmarks.Limits;

/// <summary>What one core does in float32 multiply-adds that touch registers alone: no product can be faster.</summary>
internal static class FmaPeak
{
    private const int Chains = 12;
    private const int Rounds = 400_000;

    /// <summary>GFLOP/s of one short run.</summary>
    public static double Measure()
    {
        var began = ThreadClock.Microseconds;
        var lanes = Vector512.IsHardwareAccelerated ? Wide(Rounds) : Narrow(Rounds);
        return 2.0 * Chains * Rounds * lanes / ((ThreadClock.Microseconds - began) * 1e3);
    }

    /// <summary>Returns its lanes; the sum keeps the chains alive.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static int Wide(int rounds)
    {
        Vector512<float> x = Vector512.Create(1.0001f), y = Vector512.Create(0.9f);
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (var round = 0; round < rounds; round++)
        {
            a = Vector512.FusedMultiplyAdd(a, y, x);
            b = Vector512.FusedMultiplyAdd(b, y, x);
            c = Vector512.FusedMultiplyAdd(c, y, x);
            d = Vector512.FusedMultiplyAdd(d, y, x);
            e = Vector512.FusedMultiplyAdd(e, y, x);
            f = Vector512.FusedMultiplyAdd(f, y, x);
            g = Vector512.FusedMultiplyAdd(g, y, x);
            h = Vector512.FusedMultiplyAdd(h, y, x);
            i = Vector512.FusedMultiplyAdd(i, y, x);
            j = Vector512.FusedMultiplyAdd(j, y, x);
            k = Vector512.FusedMultiplyAdd(k, y, x);
            l = Vector512.FusedMultiplyAdd(l, y, x);
        }

        return float.IsNaN(Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l)) ? 0 : Vector512<float>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static int Narrow(int rounds)
    {
        Vector256<float> x = Vector256.Create(1.0001f), y = Vector256.Create(0.9f);
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (var round = 0; round < rounds; round++)
        {
            a = Vector256.FusedMultiplyAdd(a, y, x);
            b = Vector256.FusedMultiplyAdd(b, y, x);
            c = Vector256.FusedMultiplyAdd(c, y, x);
            d = Vector256.FusedMultiplyAdd(d, y, x);
            e = Vector256.FusedMultiplyAdd(e, y, x);
            f = Vector256.FusedMultiplyAdd(f, y, x);
            g = Vector256.FusedMultiplyAdd(g, y, x);
            h = Vector256.FusedMultiplyAdd(h, y, x);
            i = Vector256.FusedMultiplyAdd(i, y, x);
            j = Vector256.FusedMultiplyAdd(j, y, x);
            k = Vector256.FusedMultiplyAdd(k, y, x);
            l = Vector256.FusedMultiplyAdd(l, y, x);
        }

        return float.IsNaN(Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l)) ? 0 : Vector256<float>.Count;
    }
}
