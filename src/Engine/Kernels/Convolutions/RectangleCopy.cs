using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>Copies rows that are too short to be worth a call each: whole registers, then one that ends where the row ends.</summary>
internal static unsafe class RectangleCopy<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* from, long fromStride, T* to, long toStride, int rows, int columns)
    {
        if (columns < V.Count)
        {
            for (int y = 0; y < rows; y++, from += fromStride, to += toStride)
                V.LoadFirst(from, columns, V.Constant(0)).StoreFirst(to, columns);
            return;
        }

        int last = columns - V.Count;
        for (int y = 0; y < rows; y++, from += fromStride, to += toStride)
        {
            for (int x = 0; x < last; x += V.Count)
                V.Load(from + x).Store(to + x);
            V.Load(from + last).Store(to + last);
        }
    }
}
