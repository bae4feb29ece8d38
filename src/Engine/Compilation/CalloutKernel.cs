using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Compilation;

/// <summary>Stands where an execution waits for values from outside; it has nothing to run.</summary>
internal sealed class CalloutKernel : Kernel
{
    /// <param name="values">Those of one call that something reads.</param>
    public CalloutKernel(CalloutValue[] values)
    {
        UnitCount = 0;
        Call = values[0].Call;
        Wanted = Array.ConvertAll(values, v => v.Position);
    }

    public CalloutCall Call { get; }

    /// <summary>For each output of the instruction, its position among the call's values.</summary>
    public int[] Wanted { get; }

    public override void Run(in KernelArguments arguments, long unit) => throw new InvalidOperationException("A call-out is not computed here.");
}
