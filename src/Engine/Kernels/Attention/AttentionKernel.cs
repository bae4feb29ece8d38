using System.Numerics;

namespace Gradients.Engine.Kernels.Attention;

/// <summary>
/// Attention with the softmax computed as its keys come, tile by tile (Milakov and Gimelshein 2018; Dao et al. 2022): scores exist
/// for one tile only. Output: y[B, H, T, E], behind it ln Σ e^score for each query [B, H, T], −∞ for one that sees no key, whose y is 0.
/// A unit is a tile of queries of one head.
/// </summary>
internal sealed unsafe class AttentionKernel<T> : Kernel
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Tile = AttentionShape.Tile;

    private readonly AttentionShape _shape;
    private readonly HeadLayout[] _layouts;
    private readonly int _queryTiles;
    private readonly int _stride;
    private readonly int _width;

    /// <param name="shape">The sizes.</param>
    /// <param name="layouts">Of q, k, v and, if there is one, the mask broadcast to [B, H, T, S].</param>
    public AttentionKernel(AttentionShape shape, HeadLayout[] layouts)
    {
        (_shape, _layouts) = (shape, layouts);
        _queryTiles = (shape.Queries + Tile - 1) / Tile;
        _stride = BlockProduct<T>.Stride(Math.Min(Tile, Math.Max(1, shape.Queries)));
        _width = BlockProduct<T>.Stride(shape.ValueWidth);
        UnitCount = shape.HeadCount * _queryTiles;
        WorkspaceBytes = checked(sizeof(T) * ((long)_stride * (shape.Width + Tile + 3) + ((long)_width * (Tile + _stride))));
        Flops = 2.0 * shape.HeadCount * shape.Queries * shape.Keys * (shape.Width + shape.ValueWidth) * (shape.IsCausal ? 0.5 : 1);
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var (head, tile) = Math.DivRem(unit, _queryTiles);
        int first = (int)tile * Tile, queries = Math.Min(Tile, _shape.Queries - first);
        T* q = Head(arguments, 0, head) + (first * _layouts[0].Row), k = Head(arguments, 1, head), v = Head(arguments, 2, head);
        var mask = MaskOf(arguments, head);

        T* transposed = (T*)arguments.Workspace, scores = transposed + ((long)_stride * _shape.Width), maximum = scores + ((long)_stride * Tile);
        T* sum = maximum + _stride, factor = sum + _stride, values = factor + _stride, y = values + ((long)_width * Tile);
        BlockProduct<T>.CopyTransposed(q, _layouts[0].Row, queries, _shape.Width, transposed, _stride);
        new Span<T>(maximum, _stride).Fill(T.NegativeInfinity);
        new Span<T>(sum, _stride).Clear();
        int end = _shape.KeysBefore(first + queries), columns = BlockProduct<T>.Padded(queries);
        for (var key = 0; key < end; key += Tile)
        {
            int keys = Math.Min(Tile, end - key), visible = _shape.Visible(first, key);
            BlockProduct<T>.Run(
                k + (key * _layouts[1].Row), _layouts[1].Row, 1, transposed, _stride, scores, _stride, keys, columns, _shape.Width, false, Triangle.Scores, visible);
            var scale = ScoreTile<T>.Mask(_shape, mask, _layouts[^1], first, queries, key, keys, scores, _stride);
            ScoreTile<T>.Accumulate(scores, _stride, columns, keys, visible, scale, maximum, sum, factor);
            if (key > 0)
                Rescale(y, factor, queries);
            BlockProduct<T>.CopyRows(v + (key * _layouts[2].Row), _layouts[2].Row, keys, _shape.ValueWidth, values, _width);
            BlockProduct<T>.Run(scores, 1, _stride, values, _width, y, _width, queries, BlockProduct<T>.Padded(_shape.ValueWidth), keys, key > 0, Triangle.Queries, visible);
        }

        var output = (T*)arguments.Outputs[0];
        Finish(y, maximum, sum, queries, output + (((head * _shape.Queries) + first) * _shape.ValueWidth), output + _shape.YElements + (head * _shape.Queries) + first);
    }

    private T* Head(in KernelArguments arguments, int input, long head) => (T*)arguments.Inputs[input] + _layouts[input].Start(head, _shape.Heads);

    private void* MaskOf(in KernelArguments arguments, long head) => _shape.Mask switch
    {
        MaskKind.None => null,
        MaskKind.Boolean => (byte*)arguments.Inputs[3] + _layouts[3].Start(head, _shape.Heads),
        _ => Head(arguments, 3, head),
    };

    /// <summary>Brings y to the new maximum.</summary>
    private void Rescale(T* y, T* factor, int queries)
    {
        for (var i = 0; i < queries; i++)
        {
            var row = new Span<T>(y + ((long)i * _width), _shape.ValueWidth);
            if (factor[i] != T.One)
                System.Numerics.Tensors.TensorPrimitives.Multiply(row, factor[i], row);
        }
    }

    private void Finish(T* y, T* maximum, T* sum, int queries, T* output, T* logarithms)
    {
        for (var i = 0; i < queries; i++, output += _shape.ValueWidth)
        {
            var row = new Span<T>(output, _shape.ValueWidth);
            if (sum[i] == T.Zero)
                row.Clear();
            else
                System.Numerics.Tensors.TensorPrimitives.Divide(new ReadOnlySpan<T>(y + ((long)i * _width), _shape.ValueWidth), sum[i], row);
            logarithms[i] = sum[i] == T.Zero ? T.NegativeInfinity : maximum[i] + T.Log(sum[i]);
        }
    }
}
