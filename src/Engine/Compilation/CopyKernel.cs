using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>Writes a strided value row-major: inserted where a kernel does not accept a view, and for views that leave a plan.</summary>
internal sealed unsafe class CopyKernel : Kernel
{
    private const long ElementsPerUnit = 1 << 15;

    private readonly Layout _layout;
    private readonly int _size;

    public CopyKernel(Layout layout, int elementSize)
    {
        _layout = layout;
        _size = elementSize;
        UnitCount = (layout.Shape.ElementCount + ElementsPerUnit - 1) / ElementsPerUnit;
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var start = unit * ElementsPerUnit;
        var count = Math.Min(ElementsPerUnit, _layout.Shape.ElementCount - start);
        StridedCopy.Gather(arguments.Inputs[0], _layout.Shape.Dimensions, _layout.Strides, arguments.Outputs[0], _size, start, count);
    }
}
