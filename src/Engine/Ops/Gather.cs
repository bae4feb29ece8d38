using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y[a…, i…, b…] = x[a…, indices[i…], b…]; dx = g added at the indices into zeros.</summary>
internal sealed class GatherOp() : KernelOp(new("Gather", "Picks entries of an axis by index: the axis is replaced by the dimensions of indices. Negative indices count from the end.", new("data"), new InputSchema("indices", "I", Differentiability.Blocked))
{
    Types = TypeSets.WithIndices(DataTypes.All),
    Attributes = [new("axis", typeof(long), "The axis; negative counts from the end.", Default: 0L)],
})
{
    public static readonly GatherOp Instance = new();

    public override OpKind Kind => OpKind.Opaque;

    public static Node Apply(Node data, Node indices, long axis) => data.Builder.Add(Instance, Attributes.Of(("axis", axis)), data, indices);

    public override NodeType Infer(OpCall call)
    {
        var shape = call.Inputs[0].Shape;
        var axis = shape.Axis(call.Attributes.Int("axis", 0));
        return new(call.Inputs[0].DataType, new Shape([.. shape.Dimensions[..axis], .. call.Inputs[1].Shape.Dimensions, .. shape.Dimensions[(axis + 1)..]]));
    }

    public override Kernel CreateKernel(Node node, Layout[] inputs)
    {
        var data = node.Inputs[0].Shape;
        var block = new IndexedBlock(data, data.Axis(node.Attributes.Int("axis", 0)), node.Inputs[1].Shape.ElementCount);
        return node.DataType.Size() switch
        {
            1 => new GatherKernel<byte>(block),
            4 => new GatherKernel<uint>(block),
            _ => new GatherKernel<ulong>(block),
        };
    }

    public override void Derivative(DerivativeContext context)
    {
        var data = context.Input(0).Shape;
        var axis = data.Axis(context.Attributes.Int("axis", 0));
        context.Set(0, context.Builder.Add(ScatterAddOp.Instance, Attributes.Of(("axis", axis), ("length", data[axis])), context.Cotangent, context.Input(1)));
    }

    private sealed unsafe class GatherKernel<T> : Kernel where T : unmanaged
    {
        private readonly IndexedBlock _block;

        public GatherKernel(IndexedBlock block)
        {
            _block = block;
            UnitCount = block.Inner == 0 ? 0 : GatherScatter.GatherUnitCount(block.Outer, block.Count, block.Inner);
        }

        public override void Run(in KernelArguments arguments, long unit)
        {
            var indices = (long*)arguments.Inputs[1];
            var (first, rows) = GatherScatter.GatherRows(_block.Outer, _block.Count, _block.Inner, (int)unit);
            _block.CheckRows(indices, first, rows);
            GatherScatter.Gather((T*)arguments.Inputs[0], indices, (T*)arguments.Outputs[0], _block.Outer, _block.Length, _block.Count, _block.Inner, (int)unit);
        }
    }
}

/// <summary>y = 0, then y[a…, indices[i…], b…] += x[a…, i…, b…] in increasing order of i; dx = g gathered.</summary>
internal sealed class ScatterAddOp() : KernelOp(new("ScatterAdd", "Zeros with the updates added at the indices of an axis, in the order of the indices: the adjoint of Gather.", new("updates"), new InputSchema("indices", "I", Differentiability.Blocked))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.WithIndices(DataTypes.Numeric),
    Attributes = [new("axis", typeof(long), "Where the dimensions of indices lie.", Required: true), new("length", typeof(long), "The size of the axis that replaces them.", Required: true)],
})
{
    public static readonly ScatterAddOp Instance = new();

    public override OpKind Kind => OpKind.Opaque;

    public override NodeType Infer(OpCall call)
    {
        var (shape, axis) = (call.Inputs[0].Shape, (int)call.Attributes.Int("axis", 0));
        return new(call.Inputs[0].DataType, new Shape([.. shape.Dimensions[..axis], call.Attributes.Int("length", 0), .. shape.Dimensions[(axis + call.Inputs[1].Shape.Rank)..]]));
    }

    public override Kernel CreateKernel(Node node, Layout[] inputs)
    {
        var block = new IndexedBlock(node.Shape, (int)node.Attributes.Int("axis", 0), node.Inputs[1].Shape.ElementCount);
        return node.DataType switch
        {
            DataType.Float32 => new ScatterAddKernel<float>(block),
            DataType.Float64 => new ScatterAddKernel<double>(block),
            _ => new ScatterAddKernel<long>(block),
        };
    }

    public override void Derivative(DerivativeContext context) =>
        context.Set(0, GatherOp.Apply(context.Cotangent, context.Input(1), context.Attributes.Int("axis", 0)));

    private sealed unsafe class ScatterAddKernel<T> : Kernel where T : unmanaged, INumber<T>
    {
        private readonly IndexedBlock _block;

        public ScatterAddKernel(IndexedBlock block)
        {
            _block = block;
            UnitCount = GatherScatter.ScatterAddUnitCount(block.Outer, block.Length, block.Count, block.Inner);
            Flops = (double)block.Outer * block.Count * block.Inner;
        }

        public override void Run(in KernelArguments arguments, long unit)
        {
            var indices = (long*)arguments.Inputs[1];
            _block.Check(indices, 0, _block.Count);
            GatherScatter.ScatterAdd((T*)arguments.Inputs[0], indices, (T*)arguments.Outputs[0], _block.Outer, _block.Length, _block.Count, _block.Inner, (int)unit);
        }
    }
}

/// <summary>A tensor seen as [outer, length, inner] around an axis, and the count of indices into that axis.</summary>
internal sealed unsafe class IndexedBlock
{
    public IndexedBlock(Shape shape, int axis, long count)
    {
        (Outer, Length, Inner, Count) = (1, shape[axis], 1, count);
        for (var d = 0; d < axis; d++)
            Outer *= shape[d];
        for (var d = axis + 1; d < shape.Rank; d++)
            Inner *= shape[d];
    }

    public long Outer { get; }

    public long Length { get; }

    public long Inner { get; }

    public long Count { get; }

    /// <summary>Checks the indices of some of the rows (outer, index) that the block has.</summary>
    /// <exception cref="GradientsException">INDEX_OUT_OF_RANGE.</exception>
    public void CheckRows(long* indices, long first, long rows)
    {
        if (rows >= Count)
        {
            Check(indices, 0, Count);
            return;
        }

        var start = first % Count;
        var end = Math.Min(Count, start + rows);
        Check(indices, start, end);
        Check(indices, 0, rows - (end - start));
    }

    /// <exception cref="GradientsException">INDEX_OUT_OF_RANGE naming the first index of [start, end) outside [−length, length).</exception>
    public void Check(long* indices, long start, long end)
    {
        var position = start + GatherScatter.FirstInvalid(indices + start, end - start, Length);
        if (position >= start)
            throw new GradientsException(ErrorCode.OutOfRange, ErrorReasons.IndexOutOfRange, $"Index {indices[position]} at position {position} is outside [-{Length}, {Length}).");
    }
}
