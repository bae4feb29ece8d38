using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>All that the compiler knows of an op.</summary>
public enum OpKind
{
    /// <summary>Inputs, variables, constants and the Gradient transform: expanded when a graph is instantiated.</summary>
    Structural,

    /// <summary>Written as other ops; has no kernel and no rule of its own.</summary>
    Composed,

    /// <summary>Nothing runs: the result is its input with other strides.</summary>
    View,

    /// <summary>A function of corresponding elements, computed tile by tile and fused with its neighbours.</summary>
    Elementwise,

    /// <summary>Tiles combined in an order fixed by the shape.</summary>
    Reduction,

    /// <summary>Matrix products and convolutions.</summary>
    Contraction,

    /// <summary>Everything else with a kernel.</summary>
    Opaque,

    /// <summary>Computed by whoever made the request, while its execution waits and holds no thread.</summary>
    Callout,
}

/// <summary>An entry of the catalog: its schema and how it becomes nodes.</summary>
public abstract class Op(OpSchema schema)
{
    public OpSchema Schema { get; } = schema;

    public string Name => Schema.Name;

    public abstract OpKind Kind { get; }

    /// <summary>How many outputs a definition has, after what can be told of its attributes without types was checked.</summary>
    /// <exception cref="GradientsException">INVALID_ATTRIBUTE.</exception>
    public virtual int CountOutputs(Attributes attributes, int inputs) => 1;

    /// <summary>Adds the op to <c>call.Builder</c> and returns its outputs. Inputs are checked against the schema already.</summary>
    public abstract Outputs Build(OpCall call);

    public override string ToString() => Name;
}

/// <summary>An op written as other ops, so that it needs neither kernel nor derivative.</summary>
public abstract class ComposedOp(OpSchema schema) : Op(schema)
{
    public sealed override OpKind Kind => OpKind.Composed;

    public sealed override Outputs Build(OpCall call) => Compose(call);

    protected abstract Node Compose(OpCall call);
}

/// <summary>An op with a shape rule and a derivative rule; one node, one output.</summary>
public abstract class PrimitiveOp(OpSchema schema) : Op(schema)
{
    public sealed override Outputs Build(OpCall call) => call.Builder.Append(this, call);

    /// <summary>The shape rule: element type and shape of the output, or an error that names the shapes.</summary>
    public abstract NodeType Infer(OpCall call);

    /// <summary>
    /// The derivative rule: for each input that <see cref="DerivativeContext.Needs"/> one, sets the cotangent as nodes.
    /// A cotangent may still have the broadcast shape: the transform sums it back.
    /// </summary>
    public virtual void Derivative(DerivativeContext context) =>
        throw new InvalidOperationException($"{Name} declares a differentiable input but has no rule.");
}

/// <summary>A function of corresponding elements under NumPy broadcasting.</summary>
public abstract class ElementwiseOp(OpSchema schema) : PrimitiveOp(schema)
{
    public sealed override OpKind Kind => OpKind.Elementwise;

    public override NodeType Infer(OpCall call) => new(call.Inputs[0].DataType, call.BroadcastShape());

    /// <summary>The loop over one tile for a node of these types.</summary>
    public abstract TileFunction Tile(Node node);

    /// <summary>
    /// One loop for a node and the elementwise node that reads it, with the same bits: the value between them stays in a register.
    /// Its inputs are the node's, then what the reader reads beside the node. Null where there is none.
    /// </summary>
    internal virtual TileFunction? TileWith(Node node, Node reader) => null;

    /// <summary>The same, asked of the reader's op: TInner computes the node before it. Null where there is none.</summary>
    internal virtual TileFunction? TileBehind<TInner>(Node inner, Node node)
        where TInner : struct, IBinaryFunction => null;
}

/// <summary>
/// A loop over one tile: <c>count</c> elements of each input and of the output, all contiguous. The output may be the very
/// buffer of an input of the same element size. The result of an element depends neither on count nor on its position.
/// </summary>
/// <param name="pointer">The loop.</param>
/// <param name="rows">
/// The same loop over one row or several of <c>count</c> elements, those of the output side by side and those of each input its
/// stride in elements apart; or null. Of a function of two, one input may be one element for all of one row: its stride is
/// <see cref="Splat"/>. Without strides there is one row. It may stream to an output beyond the caches that is no input's buffer; the
/// caller fences.
/// </param>
public readonly unsafe struct TileFunction(
    delegate*<void** /* inputs */, int /* input count */, void* /* output */, int /* count */, void> pointer,
    delegate*<void** /* inputs */, nint* /* strides */, void* /* output */, int /* count */, int /* rows */, bool /* streams */, void> rows = null)
{
    public delegate*<void**, int, void*, int, void> Pointer { get; } = pointer;

    public delegate*<void**, nint*, void*, int, int, bool, void> Rows { get; } = rows;

    /// <summary>The stride of an input that is one element.</summary>
    internal const nint Splat = -1;
}

/// <summary>The same elements under another layout.</summary>
public abstract class ViewOp(OpSchema schema) : PrimitiveOp(schema)
{
    public sealed override OpKind Kind => OpKind.View;

    /// <summary>The output's layout over the base of input 0, or null when strides cannot express it (the compiler copies first).</summary>
    public abstract Layout? View(Node node, Layout input);
}

/// <summary>An op whose kernel runs on its own.</summary>
public abstract class KernelOp(OpSchema schema) : PrimitiveOp(schema)
{
    /// <summary>Whether the kernel reads this input under this layout; else the compiler copies it to row-major first.</summary>
    public virtual bool Accepts(Node node, int input, Layout layout) => layout.IsContiguous;

    /// <summary>Binds the kernel to a node and the layouts of its inputs, whose offsets are in the pointers already. The output is row-major.</summary>
    public abstract Kernel CreateKernel(Node node, Layout[] inputs);
}
