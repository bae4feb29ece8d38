using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>float32 functions that are computed in float64, tile by tile: widened, mapped and rounded once.</summary>
internal static unsafe class WideTiles
{
    /// <summary>Elements of a tile.</summary>
    public const int Length = 256;

    private const int Padding = 8;

    /// <summary>y = f(x).</summary>
    [SkipLocalsInit]
    public static void Map<TFunction>(float* x, float* y, int length)
        where TFunction : struct, IUnaryFunction
    {
        double* stack = stackalloc double[Length + Padding];
        double* buffer = Aligned(stack);
        for (int i = 0; i < length; i += Length)
        {
            int count = Math.Min(Length, length - i);
            var wide = new Span<double>(buffer, count);
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<float>(x + i, count), wide);
            WholeVectors.Map<TFunction, double>(wide, wide);
            TensorPrimitives.ConvertTruncating(wide, new Span<float>(y + i, count));
        }
    }

    /// <summary>z = f(x, y).</summary>
    [SkipLocalsInit]
    public static void Map<TFunction>(float* x, float* y, float* z, int length)
        where TFunction : struct, IBinaryFunction
    {
        double* stack = stackalloc double[(2 * Length) + Padding];
        double* buffer = Aligned(stack);
        for (int i = 0; i < length; i += Length)
        {
            int count = Math.Min(Length, length - i);
            Span<double> first = new(buffer, count), second = new(buffer + Length, count);
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<float>(x + i, count), first);
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<float>(y + i, count), second);
            WholeVectors.Map<TFunction, double>(first, second, first);
            TensorPrimitives.ConvertTruncating(first, new Span<float>(z + i, count));
        }
    }

    /// <summary>The first address from here on at which a whole cache line begins.</summary>
    private static double* Aligned(double* stack) => (double*)(((nuint)stack + 63) & ~(nuint)63);
}
