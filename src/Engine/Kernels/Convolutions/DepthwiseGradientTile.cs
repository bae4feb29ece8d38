using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// sums[i] += Σ over positions (y, x) of source[offsets[i] + y·pitch + x] · g[y·width + x] for nine taps i: lanes run along
/// rows, and what does not fill a register is selected, since what the source holds behind a row may be NaN.
/// </summary>
internal static unsafe class DepthwiseGradientTile<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public const int Taps = 9;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* source, long* offsets, int height, int width, int pitch, T* g, T* sums)
    {
        T* lane = stackalloc T[V.Count];
        for (int i = 0; i < V.Count; i++)
            lane[i] = T.CreateTruncating(i);
        int whole = width / V.Count * V.Count, rest = width - whole;
        V zero = V.Constant(0), inside = V.Less(V.Load(lane), V.Broadcast(T.CreateTruncating(rest)));
        V s0 = zero;
        V s1 = zero;
        V s2 = zero;
        V s3 = zero;
        V s4 = zero;
        V s5 = zero;
        V s6 = zero;
        V s7 = zero;
        V s8 = zero;
        for (int y = 0; y < height; y++, source += pitch, g += width)
        {
            for (int x = 0; x < whole; x += V.Count)
            {
                V v = V.Load(g + x);
                T* s = source + x;
                s0.AddProduct(V.Load(s + offsets[0]), v);
                s1.AddProduct(V.Load(s + offsets[1]), v);
                s2.AddProduct(V.Load(s + offsets[2]), v);
                s3.AddProduct(V.Load(s + offsets[3]), v);
                s4.AddProduct(V.Load(s + offsets[4]), v);
                s5.AddProduct(V.Load(s + offsets[5]), v);
                s6.AddProduct(V.Load(s + offsets[6]), v);
                s7.AddProduct(V.Load(s + offsets[7]), v);
                s8.AddProduct(V.Load(s + offsets[8]), v);
            }

            if (rest > 0)
            {
                for (int i = 0; i < rest; i++)
                    lane[i] = g[whole + i];
                V v = V.Select(inside, V.Load(lane), zero);
                T* s = source + whole;
                s0.AddProduct(V.Select(inside, V.Load(s + offsets[0]), zero), v);
                s1.AddProduct(V.Select(inside, V.Load(s + offsets[1]), zero), v);
                s2.AddProduct(V.Select(inside, V.Load(s + offsets[2]), zero), v);
                s3.AddProduct(V.Select(inside, V.Load(s + offsets[3]), zero), v);
                s4.AddProduct(V.Select(inside, V.Load(s + offsets[4]), zero), v);
                s5.AddProduct(V.Select(inside, V.Load(s + offsets[5]), zero), v);
                s6.AddProduct(V.Select(inside, V.Load(s + offsets[6]), zero), v);
                s7.AddProduct(V.Select(inside, V.Load(s + offsets[7]), zero), v);
                s8.AddProduct(V.Select(inside, V.Load(s + offsets[8]), zero), v);
            }
        }

        sums[0] += Sum(s0, lane);
        sums[1] += Sum(s1, lane);
        sums[2] += Sum(s2, lane);
        sums[3] += Sum(s3, lane);
        sums[4] += Sum(s4, lane);
        sums[5] += Sum(s5, lane);
        sums[6] += Sum(s6, lane);
        sums[7] += Sum(s7, lane);
        sums[8] += Sum(s8, lane);
    }

    private static T Sum(V sum, T* lane)
    {
        sum.Store(lane);
        for (int half = V.Count / 2; half > 0; half /= 2)
        {
            for (int i = 0; i < half; i++)
                lane[i] += lane[i + half];
        }

        return lane[0];
    }
}
