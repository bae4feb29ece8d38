using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>x[outer, reduce, inner] to y[outer, inner]: the one form that reductions have behind their views.</summary>
internal abstract class AxisReductionOp(string name, string doc, DataType[] types)
    : KernelOp(new(name, doc, new InputSchema("x")) { Domain = "gradients", SinceVersion = 1, Types = new Dictionary<string, DataType[]> { ["T"] = types } })
{
    public sealed override OpKind Kind => OpKind.Reduction;

    /// <summary>Whether an empty axis has a value.</summary>
    protected virtual bool HasIdentity => true;

    public sealed override NodeType Infer(OpCall call)
    {
        var shape = call.Inputs[0].Shape;
        if (shape.Rank != 3)
            throw call.ShapeMismatch("The input is [outer, reduce, inner]");
        if (!HasIdentity && shape[1] == 0 && shape[0] * shape[2] > 0)
            throw call.ShapeMismatch("An empty axis has no extreme value");
        return new(call.Inputs[0].DataType, new Shape(shape[0], shape[2]));
    }

    /// <summary>y[outer, inner] as [outer, 1, inner], which broadcasts against x.</summary>
    protected static Node Unreduced(Node y) => y.Reshape(new Shape(y.Shape[0], 1, y.Shape[1]));
}

/// <summary>Runs the units of a reduction.</summary>
internal sealed unsafe class AxisReductionKernel : Kernel
{
    private readonly delegate*<void*, void*, long, long, long, void*, int, void> _run;
    private readonly long _outer;
    private readonly long _reduce;
    private readonly long _inner;

    public AxisReductionKernel(Shape shape, delegate*<void*, void*, long, long, long, void*, int, void> run)
    {
        (_outer, _reduce, _inner) = (shape[0], shape[1], shape[2]);
        _run = run;
        UnitCount = Reduction.UnitCount(_outer, _reduce, _inner);
        ConcurrentUnits = Reduction.ConcurrentUnits(_outer, _reduce, _inner);
        SharedBytes = Reduction.SharedBytes(_outer, _reduce, _inner);
        Flops = shape.ElementCount;
    }

    public override void Run(in KernelArguments arguments, long unit) =>
        _run(arguments.Inputs[0], arguments.Outputs[0], _outer, _reduce, _inner, arguments.Shared, (int)unit);
}

/// <summary>y = Σ x; dx = g repeated.</summary>
internal sealed class SumAxisOp() : AxisReductionOp("SumAxis", "Sums the middle axis.", DataTypes.Numeric)
{
    public static readonly SumAxisOp Instance = new();

    public override unsafe Kernel CreateKernel(Node node, Layout[] inputs) => new AxisReductionKernel(inputs[0].Shape, node.DataType switch
    {
        DataType.Float32 => &Run<float>,
        DataType.Float64 => &Run<double>,
        _ => &Run<long>,
    });

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, Unreduced(context.Cotangent).BroadcastTo(context.Input(0).Shape));

    private static unsafe void Run<T>(void* x, void* y, long outer, long reduce, long inner, void* shared, int unit) where T : unmanaged, INumber<T> =>
        Reduction.Sum((T*)x, (T*)y, outer, reduce, inner, shared, unit);
}

/// <summary>y = max x or min x; dx = g / k where x = y, else 0, with k the number of such elements.</summary>
internal abstract class ExtremeAxisOp(string name, string doc) : AxisReductionOp(name, doc, DataTypes.Numeric)
{
    protected override bool HasIdentity => false;

    // A NaN equals nothing: then k = 0 and the gradient is 0/0 = NaN, like the value.
    public override void Derivative(DerivativeContext context)
    {
        var x = context.Input(0);
        var attained = x.Equal(Unreduced(context.Output));
        var ties = Unreduced(context.Builder.Add(SumAxisOp.Instance, attained.Cast(x.DataType)));
        context.Set(0, attained.Where(Unreduced(context.Cotangent), context.Scalar(0)) / ties);
    }
}

internal sealed class MaxAxisOp() : ExtremeAxisOp("MaxAxis", "The largest of the middle axis; NaN propagates.")
{
    public static readonly MaxAxisOp Instance = new();

    public override unsafe Kernel CreateKernel(Node node, Layout[] inputs) => new AxisReductionKernel(inputs[0].Shape, node.DataType switch
    {
        DataType.Float32 => &Run<float>,
        DataType.Float64 => &Run<double>,
        _ => &Run<long>,
    });

    private static unsafe void Run<T>(void* x, void* y, long outer, long reduce, long inner, void* shared, int unit) where T : unmanaged, INumber<T> =>
        Reduction.Max((T*)x, (T*)y, outer, reduce, inner, shared, unit);
}

internal sealed class MinAxisOp() : ExtremeAxisOp("MinAxis", "The smallest of the middle axis; NaN propagates.")
{
    public static readonly MinAxisOp Instance = new();

    public override unsafe Kernel CreateKernel(Node node, Layout[] inputs) => new AxisReductionKernel(inputs[0].Shape, node.DataType switch
    {
        DataType.Float32 => &Run<float>,
        DataType.Float64 => &Run<double>,
        _ => &Run<long>,
    });

    private static unsafe void Run<T>(void* x, void* y, long outer, long reduce, long inner, void* shared, int unit) where T : unmanaged, INumber<T> =>
        Reduction.Min((T*)x, (T*)y, outer, reduce, inner, shared, unit);
}

/// <summary>
/// y = ln Σ e^x; dx = g · e^(x − y), with 0 for an infinite y: a row of −∞ gets 0, and of a row with y = +∞ the k
/// elements that are +∞ get g / k and the others 0. Guards lie on the exponent, so second derivatives stay finite.
/// </summary>
internal sealed class LogSumExpAxisOp() : AxisReductionOp("LogSumExpAxis", "ln of the sum of e^x over the middle axis, without overflow.", DataTypes.Floating)
{
    public static readonly LogSumExpAxisOp Instance = new();

    public override unsafe Kernel CreateKernel(Node node, Layout[] inputs) =>
        new AxisReductionKernel(inputs[0].Shape, node.DataType == DataType.Float32 ? &Run<float> : &Run<double>);

    public override void Derivative(DerivativeContext context)
    {
        var (x, y, zero) = (context.Input(0), Unreduced(context.Output), context.Scalar(0));
        var overflows = y.Equal(double.PositiveInfinity);
        var shift = y.Abs().Equal(double.PositiveInfinity).Where(zero, y);
        var infinite = x.Equal(double.PositiveInfinity).Cast(x.DataType);
        var share = infinite / Unreduced(context.Builder.Add(SumAxisOp.Instance, infinite)).Max(context.Scalar(1));
        var softmax = overflows.Where(zero, x - shift).Exp();
        context.Set(0, Unreduced(context.Cotangent) * overflows.Where(share, softmax));
    }

    private static unsafe void Run<T>(void* x, void* y, long outer, long reduce, long inner, void* shared, int unit) where T : unmanaged, IFloatingPointIeee754<T> =>
        Reduction.LogSumExp((T*)x, (T*)y, outer, reduce, inner, shared, unit);
}
