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

/// <summary>A function of the rows of x[rows, columns], or of two such matrices.</summary>
internal abstract class RowsOp<TFunction>(string name, string doc, params InputSchema[] inputs) : KernelOp(new(name, doc, inputs) { Domain = "gradients", SinceVersion = 1 })
    where TFunction : struct, IRowFunction
{
    public sealed override OpKind Kind => OpKind.Reduction;

    public sealed override NodeType Infer(OpCall call) =>
        call.Inputs[0].Shape.Rank == 2 && call.Inputs[^1].Shape.Equals(call.Inputs[0].Shape) ? call.Inputs[0].Type : throw call.ShapeMismatch("The inputs are [rows, columns]");

    public sealed override Kernel CreateKernel(Node node, Layout[] inputs) => RowKernels.Create<TFunction>(node, node.Shape, 20);
}

/// <summary>Binds functions of rows to the element types.</summary>
internal static class RowKernels
{
    public static Kernel Create<TFunction>(Node node, Shape matrix, double flopsPerElement, double parameter = 0)
        where TFunction : struct, IRowFunction => node.DataType == DataType.Float32
            ? new RowKernel<TFunction, float>(matrix[0], matrix[1], flopsPerElement, parameter)
            : new RowKernel<TFunction, double>(matrix[0], matrix[1], flopsPerElement, parameter);
}

/// <summary>y = e^x / Σ e^x; dx = y · (g − Σ g · y).</summary>
internal sealed class SoftmaxRowsOp() : RowsOp<SoftmaxFunction>("SoftmaxRows", "Softmax of each row.", new InputSchema("x"))
{
    public static readonly SoftmaxRowsOp Instance = new();

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Builder.Add(SoftmaxRowsGradientOp.Instance, context.Output, context.Cotangent));
}

/// <summary>z = y · (g − Σ g · y). It is linear and symmetric in g: dg = y · (h − Σ h · y); dy = h · g − h · Σ g y − g · Σ h y.</summary>
internal sealed class SoftmaxRowsGradientOp() : RowsOp<SoftmaxGradientFunction>("SoftmaxRowsGradient", "The cotangent of a row's softmax y from that of y.", new("y"), new InputSchema("g"))
{
    public static readonly SoftmaxRowsGradientOp Instance = new();

    public override void Derivative(DerivativeContext context)
    {
        var (y, g, h) = (context.Input(0), context.Input(1), context.Cotangent);
        if (context.Needs(0))
            context.Set(0, (h * g) - (h * (g * y).Sum([-1], keepDims: true)) - (g * (h * y).Sum([-1], keepDims: true)));
        if (context.Needs(1))
            context.Set(1, context.Builder.Add(Instance, y, h));
    }
}

/// <summary>y = x − ln Σ e^x; dx = g − e^y · Σ g.</summary>
internal sealed class LogSoftmaxRowsOp() : RowsOp<LogSoftmaxFunction>("LogSoftmaxRows", "Logarithm of the softmax of each row.", new InputSchema("x"))
{
    public static readonly LogSoftmaxRowsOp Instance = new();

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Builder.Add(LogSoftmaxRowsGradientOp.Instance, context.Output, context.Cotangent));
}

/// <summary>z = g − e^y · Σ g; dg = h − Σ h e^y; dy = −h · e^y · Σ g.</summary>
internal sealed class LogSoftmaxRowsGradientOp() : RowsOp<LogSoftmaxGradientFunction>("LogSoftmaxRowsGradient", "The cotangent of the logarithm y of a row's softmax from that of y.", new("y"), new InputSchema("g"))
{
    public static readonly LogSoftmaxRowsGradientOp Instance = new();

    public override void Derivative(DerivativeContext context)
    {
        var (g, h) = (context.Input(1), context.Cotangent);
        var weighted = h * context.Input(0).Exp();
        if (context.Needs(0))
            context.Set(0, -(weighted * g.Sum([-1], keepDims: true)));
        if (context.Needs(1))
            context.Set(1, h - weighted.Sum([-1], keepDims: true));
    }
}
