using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>In training y = x / (1 − ratio) where kept, else 0; otherwise y = x.</summary>
/// <remarks>
/// What is kept is a function of seed, step and the element's index alone (Philox 4×32-10): replays, recomputations and the
/// backward pass see the same mask, which is never stored. A step is fed, so that a new mask needs no new plan.
/// </remarks>
internal sealed class DropoutOp() : Op(new("Dropout", "In training, drops each element with probability ratio and divides the others by 1 - ratio; else the data. The mask is a function of seed, step and the element's index (Philox 4x32-10). Second output: the mask.", new("data"), new("ratio", "T1", Differentiability.Blocked, Optional: true), new("training_mode", "T2", Differentiability.Blocked, Optional: true), new InputSchema("step", "I", Differentiability.Blocked, Optional: true))
{
    Types = new Dictionary<string, DataType[]> { ["T"] = DataTypes.Floating, ["T1"] = DataTypes.Floating, ["T2"] = TypeSets.Bool, ["I"] = TypeSets.Int64 },
    Attributes = [new("seed", typeof(long), "The stream of random numbers; required in training. Equal seeds and steps give equal masks.")],
})
{
    public static readonly DropoutOp Instance = new();

    public override OpKind Kind => OpKind.Composed;

    /// <summary>Ratio (0.5 when omitted) and mode (false) are known when the plan is made; the step (0) may be fed.</summary>
    public override Outputs Build(OpCall call)
    {
        var x = call.Inputs[0];
        if (call.Optional(2) is not { } mode || Known(call, mode, 2).As<bool>()[0] is false)
            return new[] { call.Builder.Add(IdentityOp.Instance, x), call.Builder.Scalar(DataType.Bool, 1).BroadcastTo(x.Shape) };
        var ratio = call.Optional(1) is not { } given ? 0.5 : Known(call, given, 1) is { DataType: DataType.Float64 } wide ? wide.As<double>()[0] : Known(call, given, 1).As<float>()[0];
        if (!(ratio is >= 0 and < 1))
            throw call.InvalidAttribute($"the ratio is {ratio}; it lies in [0, 1)");
        if (call.Attributes.Find("seed") is not long seed)
            throw call.InvalidAttribute("seed is required in training");
        var attributes = Attributes.Of(("ratio", ratio), ("seed", seed));
        var step = call.Optional(3) ?? call.Builder.Scalar(DataType.Int64, 0);
        if (step.Shape.ElementCount != 1)
            throw call.ShapeMismatch("The step is one number");
        step = step.Reshape(Shape.Scalar);
        return new[] { call.Builder.Add(DroppedOutOp.Instance, attributes, x, step), call.Builder.Add(DropoutMaskOp.Instance, attributes, x, step) };
    }

    private static ConstantData Known(OpCall call, Node node, int position)
    {
        var name = call.Op.Schema.Inputs[position].Name;
        if (node.Shape.ElementCount != 1)
            throw call.ShapeMismatch($"The input '{name}' is one number");
        return node.Constant ?? throw GradientsException.Unimplemented(ErrorReasons.DynamicShape, $"Dropout needs its input '{name}' to be a constant in training.");
    }
}

/// <summary>y = x / (1 − ratio) where kept, else 0; dx = the same of g, with the same mask.</summary>
internal sealed class DroppedOutOp() : RandomOp("DroppedOut", "x / (1 - ratio) where the mask of seed and step holds, else 0.", Differentiability.Differentiable)
{
    public static readonly DroppedOutOp Instance = new();

    public override NodeType Infer(OpCall call) => Checked(call).Type;

    public override Kernel CreateKernel(Node node, Layout[] inputs) =>
        node.DataType == DataType.Float32 ? new ElementKernel<float>(node) : new ElementKernel<double>(node);

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, context.Builder.Add(Instance, context.Attributes, context.Cotangent, context.Input(1)));

    private sealed unsafe class ElementKernel<T>(Node node) : RandomKernel(node) where T : unmanaged, IFloatingPointIeee754<T>
    {
        protected override void Run(in KernelArguments arguments, in Dropout dropout, long start, long end, ulong step) =>
            dropout.Run((T*)arguments.Inputs[0], (T*)arguments.Outputs[0], start, end, step);
    }
}

/// <summary>y = whether the element is kept.</summary>
internal sealed class DropoutMaskOp() : RandomOp("DropoutMask", "The mask of seed and step for elements of x's shape.", Differentiability.Blocked)
{
    public static readonly DropoutMaskOp Instance = new();

    public override NodeType Infer(OpCall call) => new(DataType.Bool, Checked(call).Shape);

    public override Kernel CreateKernel(Node node, Layout[] inputs) => new MaskKernel(node);

    private sealed unsafe class MaskKernel(Node node) : RandomKernel(node)
    {
        protected override void Run(in KernelArguments arguments, in Dropout dropout, long start, long end, ulong step) =>
            dropout.Mask((byte*)arguments.Outputs[0], start, end, step);
    }
}

/// <summary>A function of elements and their mask; nodes of equal inputs and attributes have equal masks.</summary>
internal abstract class RandomOp(string name, string doc, Differentiability differentiability)
    : KernelOp(new(name, doc, new("x", Differentiability: differentiability), new InputSchema("step", "I", Differentiability.Blocked))
    {
        Domain = "gradients",
        SinceVersion = 1,
        Types = TypeSets.WithIndices(DataTypes.Floating),
        Attributes = [new("ratio", typeof(double), "In [0, 1).", Required: true), new("seed", typeof(long), "The key of the generator.", Required: true)],
    })
{
    public sealed override OpKind Kind => OpKind.Opaque;

    protected static Node Checked(OpCall call) =>
        call.Inputs[1].Shape.Rank == 0 ? call.Inputs[0] : throw call.ShapeMismatch("The step is a scalar");
}

/// <summary>Units are runs of elements, each a multiple of a generator's block.</summary>
internal abstract unsafe class RandomKernel : Kernel
{
    private const long UnitElements = 1 << 15;

    private readonly Dropout _dropout;
    private readonly long _count;

    protected RandomKernel(Node node)
    {
        _dropout = new Dropout((ulong)node.Attributes.Int("seed", 0), node.Attributes.Float("ratio", 0));
        _count = node.Shape.ElementCount;
        UnitCount = (_count + UnitElements - 1) / UnitElements;
        Flops = 20.0 * _count;
    }

    public sealed override void Run(in KernelArguments arguments, long unit) =>
        Run(arguments, _dropout, unit * UnitElements, Math.Min(_count, (unit + 1) * UnitElements), (ulong)*(long*)arguments.Inputs[1]);

    protected abstract void Run(in KernelArguments arguments, in Dropout dropout, long start, long end, ulong step);
}
