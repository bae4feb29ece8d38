using System.Runtime.InteropServices;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>
/// Evaluates one node whose inputs are constants, with the same loops that a plan runs, on a few small buffers. It knows
/// neither fusion nor arenas and is therefore also the plain interpreter that plans are compared with.
/// </summary>
public static unsafe class ConstantFolding
{
    /// <summary>The node's value; its inputs must all be constants.</summary>
    public static ConstantData Evaluate(Node node) => Evaluate(node, Array.ConvertAll(node.Inputs, i => i.Constant!));

    /// <summary>The node's value for these values of its inputs.</summary>
    public static ConstantData Evaluate(Node node, ConstantData[] inputs)
    {
        var blocks = new List<nint>();
        try
        {
            var output = Allocate(node.Shape.ElementCount * node.DataType.Size(), blocks);
            switch (node.Op)
            {
                case ElementwiseOp op:
                    RunTile(op, node, inputs, output, blocks);
                    break;
                case ViewOp op:
                    var layout = op.View(node, Layout.RowMajor(inputs[0].Shape)) ?? throw new InvalidOperationException($"{op.Name} has no view of a row-major input.");
                    Copy(inputs[0], layout, output);
                    break;
                case KernelOp op:
                    RunKernel(op, node, inputs, output, blocks);
                    break;
                default:
                    throw new InvalidOperationException($"{node} cannot be evaluated.");
            }

            return new ConstantData(node.DataType, node.Shape, new ReadOnlySpan<byte>(output, checked((int)(node.Shape.ElementCount * node.DataType.Size()))));
        }
        finally
        {
            foreach (var block in blocks)
                NativeMemory.AlignedFree((void*)block);
        }
    }

    private static void RunTile(ElementwiseOp op, Node node, ConstantData[] inputs, void* output, List<nint> blocks)
    {
        var pointers = stackalloc void*[inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
        {
            pointers[i] = Allocate(node.Shape.ElementCount * inputs[i].DataType.Size(), blocks);
            Copy(inputs[i], Layout.RowMajor(inputs[i].Shape).BroadcastTo(node.Shape), pointers[i]);
        }

        op.Tile(node).Pointer(pointers, inputs.Length, output, checked((int)node.Shape.ElementCount));
    }

    private static void RunKernel(KernelOp op, Node node, ConstantData[] inputs, void* output, List<nint> blocks)
    {
        var kernel = op.CreateKernel(node, Array.ConvertAll(inputs, i => Layout.RowMajor(i.Shape)));
        var pointers = stackalloc void*[inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
            pointers[i] = inputs[i].Pointer;
        var arguments = new KernelArguments { Inputs = pointers, Outputs = &output, Workspace = Allocate(kernel.WorkspaceBytes, blocks), Shared = Allocate(kernel.SharedBytes, blocks) };
        for (long unit = 0; unit < kernel.UnitCount; unit++)
            kernel.Run(arguments, unit);
    }

    private static void Copy(ConstantData source, Layout layout, void* target)
    {
        var size = source.DataType.Size();
        StridedCopy.Gather(source.Pointer + (layout.Offset * size), layout.Shape.Dimensions, layout.Strides, target, size, 0, layout.Shape.ElementCount);
    }

    private static void* Allocate(long bytes, List<nint> blocks)
    {
        var block = NativeMemory.AlignedAlloc((nuint)Math.Max(64, bytes), 64);
        blocks.Add((nint)block);
        return block;
    }
}
