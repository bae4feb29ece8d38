using System.Runtime.Intrinsics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y = f(x), element by element.</summary>
internal abstract class UnaryOp<TFunction>(OpSchema schema) : ElementwiseOp(schema)
    where TFunction : struct, IUnaryFunction
{
    public sealed override TileFunction Tile(Node node) => Tiles.Unary<TFunction>(node.DataType);

    internal sealed override TileFunction? TileBehind<TInner>(Node inner, Node node) =>
        TFunction.IsShort ? Tiles.Binary<Composed<TInner, TFunction>>(node.DataType) : null;
}

/// <summary>z = f(x, y), element by element under broadcasting.</summary>
internal abstract class BinaryOp<TFunction>(OpSchema schema) : ElementwiseOp(schema)
    where TFunction : struct, IBinaryFunction
{
    public sealed override TileFunction Tile(Node node) => Tiles.Binary<TFunction>(node.DataType);

    // Scalar operands the just-in-time compiler exchanges where it likes, and of two NaNs the other comes out.
    internal sealed override TileFunction? TileWith(Node node, Node reader) =>
        Vector128.IsHardwareAccelerated ? ((ElementwiseOp)reader.Op!).TileBehind<TFunction>(node, reader) : null;

    internal sealed override TileFunction? TileBehind<TInner>(Node inner, Node node) =>
        node.Inputs[0] != inner ? Tiles.Ternary<ComposedWith<TInner, Swapped<TFunction>>>(node.DataType)
        : node.Inputs[1] != inner ? Tiles.Ternary<ComposedWith<TInner, TFunction>>(node.DataType)
        : Tiles.Binary<Composed<TInner, OfItself<TFunction>>>(node.DataType);
}

/// <summary>Sets of element types that schemas share.</summary>
internal static class TypeSets
{
    public static readonly Dictionary<string, DataType[]> AnyT = new() { ["T"] = DataTypes.All };
    public static readonly Dictionary<string, DataType[]> NumericT = new() { ["T"] = DataTypes.Numeric };
    public static readonly DataType[] Int64 = [DataType.Int64];
    public static readonly DataType[] Bool = [DataType.Bool];

    /// <summary>"T" and the int64 variable "I" of indices, shapes and axes.</summary>
    public static Dictionary<string, DataType[]> WithIndices(DataType[] t) => new() { ["T"] = t, ["I"] = Int64 };
}
