using System.Runtime.InteropServices;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Execution;

/// <summary>Copies between the memory of an execution and the tensors of a call-out, which may outlive it.</summary>
internal static unsafe class CalloutMemory
{
    /// <exception cref="GradientsException">MEMORY_BUDGET_EXCEEDED.</exception>
    public static Tensor[] Read(CalloutCall call, in KernelArguments arguments, BufferPool pool, Quota? account)
    {
        NodeType[] types = call.Phase == CalloutPhase.Forward
            ? call.Inputs
            : [.. call.SavedInputs.Select(i => call.Inputs[i]), .. call.SavedOutputs.Select(i => call.Outputs[i]), .. call.WithCotangent.Select(i => call.Outputs[i])];
        pool.Require(checked(types.Sum(t => t.Shape.ElementCount * t.DataType.Size())), account);
        var tensors = new List<Tensor>(types.Length);
        try
        {
            for (var i = 0; i < types.Length; i++)
            {
                var tensor = Tensor.Rent(pool, types[i].DataType, types[i].Shape, "callout", account);
                tensors.Add(tensor);
                NativeMemory.Copy(arguments.Inputs[i], tensor.Buffer.Pointer, (nuint)tensor.ByteCount);
            }

            return [.. tensors];
        }
        catch
        {
            tensors.ForEach(t => t.Dispose());
            throw;
        }
    }

    /// <summary>Copies the values that are wanted to where the plan reads them; a gradient that did not come is zeros.</summary>
    /// <exception cref="GradientsException">INPUT_COUNT_MISMATCH, DATA_TYPE_MISMATCH, SHAPE_MISMATCH.</exception>
    public static void Write(CalloutKernel kernel, IReadOnlyList<Tensor?> values, in KernelArguments arguments)
    {
        var call = kernel.Call;
        if (values.Count != call.Values.Length)
            throw GradientsException.Invalid(ErrorReasons.InputCountMismatch, $"{Describe(call)}: {call.Values.Length} values are asked for; {values.Count} came.");
        for (var i = 0; i < kernel.Wanted.Length; i++)
        {
            var position = kernel.Wanted[i];
            var type = call.Values[position];
            if (values[position] is { } value)
            {
                Check(call, position, type, value);
                NativeMemory.Copy(value.Buffer.Pointer, arguments.Outputs[i], (nuint)value.ByteCount);
            }
            else if (call.Phase == CalloutPhase.Backward)
            {
                NativeMemory.Clear(arguments.Outputs[i], (nuint)(type.Shape.ElementCount * type.DataType.Size()));
            }
            else
            {
                throw GradientsException.Invalid(ErrorReasons.InputCountMismatch, $"{Describe(call)}: output {position} is used and did not come.");
            }
        }
    }

    private static void Check(CalloutCall call, int position, NodeType type, Tensor value)
    {
        var came = new NodeType(value.DataType, value.Shape);
        if (came == type)
            return;
        throw GradientsException.Invalid(value.DataType != type.DataType ? ErrorReasons.DataTypeMismatch : ErrorReasons.ShapeMismatch, $"{Describe(call)}: value {position} must be {type}; {came} came.")
            .With("shapes", $"{type}, {came}");
    }

    private static string Describe(CalloutCall call) => $"Custom '{call.Name}', {(call.Phase == CalloutPhase.Forward ? "forward" : "backward")}";
}
