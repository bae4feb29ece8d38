using System.Numerics.Tensors;
using Gradients.Engine.Tensors;
using Tensor = Gradients.Engine.Tensors.Tensor;

namespace Gradients.Server.Wire;

internal static class GradientSummary
{
    /// <summary>The Euclidean norm √Σg², accumulated in float64, and whether every element is finite.</summary>
    public static V1.GradientStatistics Of(Tensor gradient)
    {
        double squares = 0;
        double largest = 0;
        if (gradient.DataType == DataType.Float64)
        {
            // Scaled by the largest magnitude, so that squares neither overflow nor vanish.
            var g = gradient.AsSpan<double>();
            largest = g.Length == 0 ? 0 : Math.Abs(TensorPrimitives.MaxMagnitude(g));
            if (largest is not 0 && double.IsFinite(largest))
            {
                foreach (var x in g)
                    squares += x / largest * (x / largest);
                return new V1.GradientStatistics { Norm = largest * Math.Sqrt(squares), Finite = true };
            }
        }
        else
        {
            var g = gradient.AsSpan<float>();
            largest = g.Length == 0 ? 0 : Math.Abs(TensorPrimitives.MaxMagnitude(g));
            foreach (var x in g)
                squares += (double)x * x;
            if (double.IsFinite(largest))
                return new V1.GradientStatistics { Norm = Math.Sqrt(squares), Finite = true };
        }

        // MaxMagnitude gives NaN when any element is NaN.
        return new V1.GradientStatistics { Norm = largest, Finite = double.IsFinite(largest) };
    }
}
