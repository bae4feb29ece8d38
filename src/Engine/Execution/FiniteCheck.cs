using System.Numerics.Tensors;
using Gradients.Engine.Compilation;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Execution;

/// <summary>Looks for NaN and infinity, for requests that ask to be told of the first node that gives one.</summary>
internal static unsafe class FiniteCheck
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
