using System.Numerics.Tensors;
using Gradients.Engine.Tensors;
using Tensor = Gradients.Engine.Tensors.Tensor;

namespace Gradients.Engine.Sessions;

public static class GradientStatistics
{
    /// <summary>The Euclidean norm √Σg², accumulated in float64, and whether every element is finite. With a NaN it is NaN, else with an infinity infinity.</summary>
    public static (double Norm, bool Finite) Of(Tensor gradient) =>
        gradient.DataType == DataType.Float64 ? Of(gradient.AsSpan<double>()) : Of(gradient.AsSpan<float>());

    private static (double Norm, bool Finite) Of(ReadOnlySpan<double> g)
    {
        // MaxMagnitude gives NaN when any element is NaN.
        var largest = g.Length == 0 ? 0 : Math.Abs(TensorPrimitives.MaxMagnitude(g));
        if (largest is 0 || !double.IsFinite(largest))
            return (largest, double.IsFinite(largest));

        // Scaled by the largest magnitude, so that squares neither overflow nor vanish.
        Span<double> scaled = stackalloc double[512];
        double squares = 0;
        for (var start = 0; start < g.Length; start += scaled.Length)
        {
            var block = g.Slice(start, Math.Min(scaled.Length, g.Length - start));
            TensorPrimitives.Divide(block, largest, scaled);
            squares += TensorPrimitives.SumOfSquares<double>(scaled[..block.Length]);
        }

        return (largest * Math.Sqrt(squares), true);
    }

    private static (double Norm, bool Finite) Of(ReadOnlySpan<float> g)
    {
        // Squares of float32 neither overflow nor vanish in float64: only a NaN or an infinity makes the sum one.
        Span<double> wide = stackalloc double[512];
        double squares = 0;
        for (var start = 0; start < g.Length; start += wide.Length)
        {
            var block = g.Slice(start, Math.Min(wide.Length, g.Length - start));
            TensorPrimitives.ConvertTruncating(block, wide);
            squares += TensorPrimitives.SumOfSquares<double>(wide[..block.Length]);
        }

        return (Math.Sqrt(squares), double.IsFinite(squares));
    }
}
