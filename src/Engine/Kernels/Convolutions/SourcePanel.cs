using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// panel[p · columns + j] = source[offsets[p] + j]: what a tile reads of the source for some taps, side by side. Where it lies,
/// loads cross cache lines and lines that are far apart drive each other out of the first-level cache.
/// </summary>
internal static unsafe class SourcePanel<V, T>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    /// <param name="columns">Whole registers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(T* source, long* offsets, int depth, T* panel, int columns)
    {
        for (long* end = offsets + depth; offsets != end; offsets++)
        {
            T* from = source + *offsets;
            for (T* next = panel + columns; panel != next; from += V.Count, panel += V.Count)
                V.Load(from).Store(panel);
        }
    }
}
