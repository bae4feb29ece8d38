using System.Numerics.Tensors;
using Gradients.Engine.Compilation;
using Gradients.Engine.Tensors;
using Tensor = Gradients.Engine.Tensors.Tensor;

namespace Gradients.Engine.Execution;

/// <summary>Looks for NaN and infinity, for requests that ask to be told of the first node that gives one.</summary>
public static unsafe class FiniteCheck
{
    /// <summary>Checks what an instruction wrote; plans that are checked are not fused, so it names one node.</summary>
    /// <exception cref="GradientsException">NON_FINITE_VALUE.</exception>
    internal static void Require(Instruction instruction, void** outputs)
    {
        for (var i = 0; i < instruction.Outputs.Length; i++)
        {
            var (type, count) = instruction.OutputTypes[i];
            if (IsFinite(type, outputs[i], count))
                continue;
            throw new GradientsException(ErrorCode.FailedPrecondition, ErrorReasons.NonFiniteValue, $"{instruction.Nodes[0].Op} gave a value that is NaN or infinite.")
            {
                Position = instruction.Nodes[0].Position,
            }.With("op", instruction.Nodes[0].Op);
        }
    }

    /// <summary>Whether no element is NaN or infinite; integers always are finite.</summary>
    public static bool IsFinite(Tensor tensor) => IsFinite(tensor.DataType, tensor.Buffer.Pointer, tensor.Shape.ElementCount);

    /// <summary>√Σx² in double precision, scaled so that only the norm itself can overflow; NaN when an element is NaN.</summary>
    public static double Norm(Tensor tensor)
    {
        double largest = 0, sum = 0;
        for (long i = 0; i < tensor.Shape.ElementCount; i++)
        {
            var x = Math.Abs(tensor.DataType == DataType.Float32 ? ((float*)tensor.Buffer.Pointer)[i] : ((double*)tensor.Buffer.Pointer)[i]);
            if (double.IsNaN(x))
                return double.NaN;
            if (x > largest)
            {
                sum = double.IsInfinity(x) ? 1 : 1 + (sum * (largest / x) * (largest / x));
                largest = x;
            }
            else if (x != 0 && !double.IsInfinity(largest))
            {
                sum += x / largest * (x / largest);
            }
        }

        return largest * Math.Sqrt(sum);
    }

    private static bool IsFinite(DataType type, void* elements, long count)
    {
        const int Block = 1 << 20;
        for (long start = 0; start < count; start += Block)
        {
            var length = (int)Math.Min(Block, count - start);
            var finite = type switch
            {
                DataType.Float32 => TensorPrimitives.IsFiniteAll(new ReadOnlySpan<float>((float*)elements + start, length)),
                DataType.Float64 => TensorPrimitives.IsFiniteAll(new ReadOnlySpan<double>((double*)elements + start, length)),
                _ => true,
            };
            if (!finite)
                return false;
        }

        return true;
    }
}
