using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>A <see cref="WeightGradientTile{V, T, TTaps}"/> of six taps and four registers of filters, for a file of 32 registers: it loads less for each sum.</summary>
internal static unsafe class WideWeightGradientTile<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public const int Taps = 6;
    public const int Registers = 4;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* source, long* offsets, int height, int width, int pitch, T* b, long ldb, T* c, long ldc)
    {
        long o0 = offsets[0], o1 = offsets[1], o2 = offsets[2], o3 = offsets[3], o4 = offsets[4], o5 = offsets[5];
        V zero = V.Constant(0);
        V k0 = zero, l0 = zero, m0 = zero, n0 = zero;
        V k1 = zero, l1 = zero, m1 = zero, n1 = zero;
        V k2 = zero, l2 = zero, m2 = zero, n2 = zero;
        V k3 = zero, l3 = zero, m3 = zero, n3 = zero;
        V k4 = zero, l4 = zero, m4 = zero, n4 = zero;
        V k5 = zero, l5 = zero, m5 = zero, n5 = zero;
        for (int y = 0; y < height; y++, source += pitch)
        {
            T* s = source;
            T* end = source + width;
            for (; s < end; s++, b += ldb)
            {
                V first = V.Load(b), second = V.Load(b + V.Count), third = V.Load(b + (2 * V.Count)), fourth = V.Load(b + (3 * V.Count));
                Add(s[o0], first, second, third, fourth, ref k0, ref l0, ref m0, ref n0);
                Add(s[o1], first, second, third, fourth, ref k1, ref l1, ref m1, ref n1);
                Add(s[o2], first, second, third, fourth, ref k2, ref l2, ref m2, ref n2);
                Add(s[o3], first, second, third, fourth, ref k3, ref l3, ref m3, ref n3);
                Add(s[o4], first, second, third, fourth, ref k4, ref l4, ref m4, ref n4);
                Add(s[o5], first, second, third, fourth, ref k5, ref l5, ref m5, ref n5);
            }
        }

        Write(c, k0, l0, m0, n0);
        Write(c + ldc, k1, l1, m1, n1);
        Write(c + (2 * ldc), k2, l2, m2, n2);
        Write(c + (3 * ldc), k3, l3, m3, n3);
        Write(c + (4 * ldc), k4, l4, m4, n4);
        Write(c + (5 * ldc), k5, l5, m5, n5);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(T element, V first, V second, V third, V fourth, ref V k, ref V l, ref V m, ref V n)
    {
        V x = V.Broadcast(element);
        k.AddProduct(x, first);
        l.AddProduct(x, second);
        m.AddProduct(x, third);
        n.AddProduct(x, fourth);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(T* c, V k, V l, V m, V n)
    {
        (V.Load(c) + k).Store(c);
        (V.Load(c + V.Count) + l).Store(c + V.Count);
        (V.Load(c + (2 * V.Count)) + m).Store(c + (2 * V.Count));
        (V.Load(c + (3 * V.Count)) + n).Store(c + (3 * V.Count));
    }
}
