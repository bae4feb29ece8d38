using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>C[…, m, n] = A[…, m, k] · B[…, k, n] as NumPy's matmul: leading dimensions broadcast, a vector is a row on the left and a column on the right.</summary>
internal sealed class MatMulOp() : ComposedOp(new("MatMul", "Matrix product as numpy.matmul: leading dimensions broadcast; a 1-d operand is a row on the left, a column on the right.", new("A"), new InputSchema("B")))
{
    public static readonly MatMulOp Instance = new();

    protected override Node Compose(OpCall call)
    {
        Node a = call.Inputs[0], b = call.Inputs[1];
        if (a.Shape.Rank == 0 || b.Shape.Rank == 0)
            throw call.ShapeMismatch("A scalar has no matrix product");
        if (a.Shape[-1] != b.Shape[b.Shape.Rank == 1 ? 0 : -2])
            throw call.ShapeMismatch($"The inner dimensions of {a.Shape} and {b.Shape} differ");
        bool isRow = a.Shape.Rank == 1, isColumn = b.Shape.Rank == 1;
        if (isRow)
            a = a.Reshape(new Shape(1, a.Shape[0]));
        if (isColumn)
            b = b.Reshape(new Shape(b.Shape[0], 1));
        if (Shape.TryBroadcast(new Shape(a.Shape.Dimensions[..^2]), new Shape(b.Shape.Dimensions[..^2])) is null)
            throw call.ShapeMismatch($"The leading dimensions of {a.Shape} and {b.Shape} do not broadcast");

        var product = Product(a, b);
        if (!isRow && !isColumn)
            return product;
        var shape = product.Shape.Dimensions.ToArray().ToList();
        if (isColumn)
            shape.RemoveAt(shape.Count - 1);
        if (isRow)
            shape.RemoveAt(shape.Count - (isColumn ? 1 : 2));
        return product.Reshape(new Shape([.. shape]));
    }

    /// <summary>One matrix on the right serves all rows of a batch on the left: one product, and one in its derivatives.</summary>
    private static Node Product(Node a, Node b)
    {
        if (b.Shape.Rank > 2 || a.Shape.Rank == 2)
            return a.Builder.Add(MatrixProductOp.Instance, a, b);
        long rows = 1;
        foreach (var size in a.Shape.Dimensions[..^1])
            rows *= size;
        var product = a.Builder.Add(MatrixProductOp.Instance, a.Reshape(new Shape(rows, a.Shape[-1])), b);
        return product.Reshape(new Shape([.. a.Shape.Dimensions[..^1], b.Shape[-1]]));
    }
}

/// <summary>
/// C[…, m, n] = A[…, m, k] · B[…, k, n] for at least two dimensions, under any strides;
/// dA = g · Bᵀ, dB = Aᵀ · g, summed over broadcast leading dimensions by the transform.
/// </summary>
internal sealed class MatrixProductOp() : KernelOp(new("MatrixProduct", "Matrix product of operands with at least two dimensions; the leading ones broadcast.", new("A"), new InputSchema("B")) { Domain = "gradients", SinceVersion = 1 })
{
    public static readonly MatrixProductOp Instance = new();

    public override OpKind Kind => OpKind.Contraction;

    public override NodeType Infer(OpCall call)
    {
        Shape a = call.Inputs[0].Shape, b = call.Inputs[1].Shape;
        if (a.Rank < 2 || b.Rank < 2 || a[-1] != b[-2] || Shape.TryBroadcast(new Shape(a.Dimensions[..^2]), new Shape(b.Dimensions[..^2])) is not { } batch)
            throw call.ShapeMismatch("The shapes have no matrix product");
        if (Math.Max(a[-2], Math.Max(a[-1], b[-1])) > int.MaxValue)
            throw call.ShapeMismatch("A dimension of a matrix is larger than 2^31 - 1");
        return new(call.Inputs[0].DataType, new Shape([.. batch.Dimensions, a[-2], b[-1]]));
    }

    public override bool Accepts(Node node, int input, Layout layout) => true;

    public override Kernel CreateKernel(Node node, Layout[] inputs) =>
        node.DataType == DataType.Float32 ? new MatrixProductKernel<float>(node.Shape, inputs[0], inputs[1]) : new MatrixProductKernel<double>(node.Shape, inputs[0], inputs[1]);

    public override void Derivative(DerivativeContext context)
    {
        if (context.Needs(0))
            context.Set(0, context.Cotangent.MatMul(context.Input(1).SwapLast()));
        if (context.Needs(1))
            context.Set(1, context.Input(0).SwapLast().MatMul(context.Cotangent));
    }
}

/// <summary>One Gemm a batch entry; small ones share a unit.</summary>
internal sealed unsafe class MatrixProductKernel<T> : BlockKernel where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Multiply-adds that fill a unit.</summary>
    private const double UnitProduct = 1 << 22;

    private readonly Gemm<T> _gemm;
    private readonly long _m;
    private readonly Layout _a;
    private readonly Layout _b;
    private readonly Shape _batch;
    private readonly long _entriesPerUnit;

    public MatrixProductKernel(Shape output, Layout a, Layout b)
    {
        int n = (int)output[-1], k = (int)a.Shape[-1];
        _m = output[-2];
        _batch = new Shape(output.Dimensions[..^2]);
        (_a, _b) = (Broadcast(a, _batch), Broadcast(b, _batch));
        _gemm = new Gemm<T>((int)_m, n, k, StridesOf(_a), StridesOf(_b), Math.Max(1, _batch.ElementCount));
        var product = (double)_m * n * Math.Max(1, k);
        _entriesPerUnit = _gemm.UnitCount == 1 ? (long)Math.Clamp(UnitProduct / product, 1, Math.Max(1, _batch.ElementCount)) : 1;
        UnitCount = _gemm.UnitCount == 1 ? (_batch.ElementCount + _entriesPerUnit - 1) / _entriesPerUnit : _gemm.UnitCount * _batch.ElementCount;
        StageCount = IsShared ? checked((int)(_gemm.StageCount * _batch.ElementCount)) : _gemm.StageCount;
        (WorkspaceBytes, SharedBytes) = (_gemm.WorkspaceBytes, _gemm.SharedBytes);
        Columns = n;
        Flops = 2 * (double)output.ElementCount * k;
    }

    /// <summary>Whether a product has a block that its units share: entries use it one after another. Where they have none, a stage is that of all entries.</summary>
    private bool IsShared => _gemm.SharedBytes > 0;

    /// <summary>Units of a stage of a product that shares nothing: as many in each.</summary>
    private int StageUnits => _gemm.UnitCount / _gemm.StageCount;

    public override long StageEnd(int stage)
    {
        if (!IsShared)
            return _gemm.StageCount == 1 ? UnitCount : (stage + 1) * _batch.ElementCount * StageUnits;
        var (entry, own) = Math.DivRem(stage, _gemm.StageCount);
        return ((long)entry * _gemm.UnitCount) + _gemm.StageEnd(own);
    }

    public override int BlocksOf(long unit) => _gemm.UnitCount == 1 || _gemm.Finishes((int)EntryOf(unit).Part) ? 1 : 0;

    /// <summary>The output is seen as [batch · m, n].</summary>
    public override Block BlockOf(long unit, int index)
    {
        var (entry, part) = EntryOf(unit);
        if (_gemm.UnitCount == 1)
            return new Block(entry * _m, (Math.Min(_batch.ElementCount, entry + _entriesPerUnit) - entry) * _m, 0, Columns);
        var block = _gemm.BlockOf((int)part);
        return block with { Row = (entry * _m) + block.Row };
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var (entry, part) = EntryOf(unit);
        for (var end = Math.Min(_batch.ElementCount, entry + _entriesPerUnit); entry < end; entry++)
        {
            T* a = (T*)arguments.Inputs[0] + Position(_a, entry), b = (T*)arguments.Inputs[1] + Position(_b, entry);
            _gemm.Run(a, b, (T*)arguments.Outputs[0] + (entry * _m * Columns), Columns, arguments.Workspace, arguments.Shared, (int)part);
        }
    }

    private (long Entry, long Part) EntryOf(long unit)
    {
        if (_gemm.UnitCount == 1)
            return (unit * _entriesPerUnit, 0);
        if (IsShared)
            return Math.DivRem(unit, _gemm.UnitCount);
        var (stage, rest) = Math.DivRem(unit, _batch.ElementCount * StageUnits);
        var (entry, part) = Math.DivRem(rest, StageUnits);
        return (entry, (stage * StageUnits) + part);
    }

    private static Layout Broadcast(Layout layout, Shape batch) =>
        layout.BroadcastTo(new Shape([.. batch.Dimensions, layout.Shape[-2], layout.Shape[-1]]));

    private static MatrixStrides StridesOf(Layout layout) => new(layout.Strides[^2], layout.Strides[^1]);

    private long Position(Layout layout, long entry)
    {
        long position = 0;
        for (var d = _batch.Rank - 1; d >= 0; d--)
        {
            (entry, var index) = Math.DivRem(entry, _batch[d]);
            position += index * layout.Strides[d];
        }

        return position;
    }
}
