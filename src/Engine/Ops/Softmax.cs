using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y = e^x / Σ e^x along an axis, or its logarithm.</summary>
internal abstract class SoftmaxOp(string name, string doc, PrimitiveOp rows) : ComposedOp(new(name, doc, new InputSchema("input"))
{
    Attributes = [new("axis", typeof(long), "The axis; negative counts from the end.", Default: -1L)],
})
{
    /// <summary>Transposes the axis last and sees the input as rows.</summary>
    protected sealed override Node Compose(OpCall call)
    {
        var x = call.Inputs[0];
        var rank = x.Shape.Rank;
        var axis = x.Shape.Axis(call.Attributes.Int("axis", -1));
        var swap = Enumerable.Range(0, rank).Select(d => (long)d).ToArray();
        (swap[axis], swap[rank - 1]) = (swap[rank - 1], swap[axis]);
        var moved = axis == rank - 1 ? x : x.Transpose(swap);
        var y = call.Builder.Add(rows, moved.Rows()).Reshape(moved.Shape);
        return axis == rank - 1 ? y : y.Transpose(swap);
    }
}

internal sealed class SoftmaxAlongOp() : SoftmaxOp("Softmax", "e^x divided by its sum along an axis, without overflow. A slice of -inf only gives NaN.", SoftmaxRowsOp.Instance)
{
    public static readonly SoftmaxAlongOp Instance = new();
}

internal sealed class LogSoftmaxAlongOp() : SoftmaxOp("LogSoftmax", "ln of Softmax along an axis, without cancellation. A slice of -inf only gives NaN.", LogSoftmaxRowsOp.Instance)
{
    public static readonly LogSoftmaxAlongOp Instance = new();
}

/// <summary>A softmax over the rows of x[rows, columns].</summary>
internal abstract class RowsOp(string name, string doc) : KernelOp(new(name, doc, new InputSchema("x")) { Domain = "gradients", SinceVersion = 1 })
{
    public sealed override OpKind Kind => OpKind.Reduction;

    public sealed override NodeType Infer(OpCall call) =>
        call.Inputs[0].Shape.Rank == 2 ? call.Inputs[0].Type : throw call.ShapeMismatch("The input is [rows, columns]");
}

/// <summary>y = e^x / Σ e^x; dx = y · (g − Σ g · y).</summary>
internal sealed class SoftmaxRowsOp() : RowsOp("SoftmaxRows", "Softmax of each row.")
{
    public static readonly SoftmaxRowsOp Instance = new();

    public override unsafe Kernel CreateKernel(Node node, Layout[] inputs) =>
        new SoftmaxKernel(node.Shape, node.DataType == DataType.Float32 ? &Run<float> : &Run<double>);

    public override void Derivative(DerivativeContext context)
    {
        var (y, g) = (context.Output, context.Cotangent);
        context.Set(0, y * (g - (g * y).Sum([-1], keepDims: true)));
    }

    private static unsafe void Run<T>(void* x, void* y, long rows, long columns, int unit) where T : unmanaged, IFloatingPointIeee754<T> =>
        Kernels.Softmax.Run((T*)x, (T*)y, rows, columns, unit);
}

/// <summary>y = x − ln Σ e^x; dx = g − e^y · Σ g.</summary>
internal sealed class LogSoftmaxRowsOp() : RowsOp("LogSoftmaxRows", "Logarithm of the softmax of each row.")
{
    public static readonly LogSoftmaxRowsOp Instance = new();

    public override unsafe Kernel CreateKernel(Node node, Layout[] inputs) =>
        new SoftmaxKernel(node.Shape, node.DataType == DataType.Float32 ? &Run<float> : &Run<double>);

    public override void Derivative(DerivativeContext context)
    {
        var (y, g) = (context.Output, context.Cotangent);
        context.Set(0, g - (y.Exp() * g.Sum([-1], keepDims: true)));
    }

    private static unsafe void Run<T>(void* x, void* y, long rows, long columns, int unit) where T : unmanaged, IFloatingPointIeee754<T> =>
        Kernels.Softmax.RunLog((T*)x, (T*)y, rows, columns, unit);
}

internal sealed unsafe class SoftmaxKernel : Kernel
{
    private readonly delegate*<void*, void*, long, long, int, void> _run;
    private readonly long _rows;
    private readonly long _columns;

    public SoftmaxKernel(Shape shape, delegate*<void*, void*, long, long, int, void> run)
    {
        (_rows, _columns) = (shape[0], shape[1]);
        _run = run;
        UnitCount = Kernels.Softmax.UnitCount(_rows, _columns);
        Flops = 5.0 * shape.ElementCount;
    }

    public override void Run(in KernelArguments arguments, long unit) =>
        _run(arguments.Inputs[0], arguments.Outputs[0], _rows, _columns, (int)unit);
}
