using System.Numerics;
using Gradients.Engine.Kernels.Convolutions;

namespace Gradients.Engine.Kernels.Attention;

/// <summary>
/// With p = e^(score − ln Σ) recomputed tile by tile, δ_i = Σ g_i · y_i and ds = p · (g vᵀ − δ):
/// dv = pᵀ g, dq = scale · ds k, dk = scale · dsᵀ q. Output: dq, dk and dv, row-major, one behind the other.
/// </summary>
/// <remarks>
/// A head whose products fit a unit is one unit, with one pass over its tiles. Those of longer heads are tiles of queries, for dq,
/// and then tiles of keys, for dk and dv, each computing the scores that it needs.
/// </remarks>
internal sealed unsafe class AttentionGradientKernel<T> : Kernel
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Tile = AttentionShape.Tile;

    /// <summary>Multiply-adds of one unit.</summary>
    private const double UnitProducts = 1 << 25;

    private readonly AttentionShape _shape;
    private readonly HeadLayout[] _layouts;
    private readonly bool _isWhole;
    private readonly int _queryTiles;
    private readonly int _keyTiles;
    private readonly int _stride;
    private readonly int _width;
    private readonly int _valueWidth;

    /// <param name="shape">The sizes.</param>
    /// <param name="layouts">Of q, k, v, g and, if there is one, the mask broadcast to [B, H, T, S]; the inputs are these with the forward's output before the mask.</param>
    public AttentionGradientKernel(AttentionShape shape, HeadLayout[] layouts)
    {
        (_shape, _layouts) = (shape, layouts);
        var products = (double)shape.Queries * shape.Keys * ((3.0 * shape.Width) + (2.0 * shape.ValueWidth));
        _isWhole = products <= UnitProducts;
        _queryTiles = (shape.Queries + Tile - 1) / Tile;
        _keyTiles = (shape.Keys + Tile - 1) / Tile;
        _stride = BlockProduct<T>.Stride(Math.Min(Tile, Math.Max(1, shape.Queries)));
        (_width, _valueWidth) = (BlockProduct<T>.Stride(shape.Width), BlockProduct<T>.Stride(shape.ValueWidth));
        UnitCount = shape.HeadCount * (_isWhole ? 1 : _queryTiles + _keyTiles);
        WorkspaceBytes = checked(sizeof(T) * (DqElements + ((long)_stride * (shape.Width + shape.ValueWidth + (2 * Tile) + 2)) + ((long)_width * (Tile * 3)) + ((long)_valueWidth * Tile * 2)));
        Flops = 2 * products * shape.HeadCount * (shape.IsCausal ? 0.5 : 1) * (_isWhole ? 1 : 1.4);
    }

    private long DqElements => (long)_width * (_isWhole ? (long)_queryTiles * Tile : Tile);

    public override void Run(in KernelArguments arguments, long unit)
    {
        if (_isWhole)
        {
            RunTiles(arguments, unit, 0, _shape.Queries, 0, _shape.Keys, toQueries: true, toKeys: true);
            return;
        }

        var (head, tile) = Math.DivRem(unit, _queryTiles + _keyTiles);
        var first = (int)(tile < _queryTiles ? tile : tile - _queryTiles) * Tile;
        if (tile < _queryTiles)
            RunTiles(arguments, head, first, Math.Min(_shape.Queries, first + Tile), 0, _shape.Keys, toQueries: true, toKeys: false);
        else
            RunTiles(arguments, head, 0, _shape.Queries, first, Math.Min(_shape.Keys, first + Tile), toQueries: false, toKeys: true);
    }

    private void RunTiles(in KernelArguments arguments, long head, int firstQuery, int endQuery, int firstKey, int endKey, bool toQueries, bool toKeys)
    {
        T* q = Head(arguments, 0, head), k = Head(arguments, 1, head), v = Head(arguments, 2, head), g = Head(arguments, 3, head);
        T* saved = (T*)arguments.Inputs[4], y = saved + (head * _shape.Queries * _shape.ValueWidth), logarithms = saved + _shape.YElements + (head * _shape.Queries);
        void* mask = _shape.Mask switch
        {
            MaskKind.None => null,
            MaskKind.Boolean => (byte*)arguments.Inputs[5] + _layouts[4].Start(head, _shape.Heads),
            _ => (T*)arguments.Inputs[5] + _layouts[4].Start(head, _shape.Heads),
        };
        T* dq = (T*)arguments.Workspace, qt = dq + DqElements, gt = qt + ((long)_stride * _shape.Width), p = gt + ((long)_stride * _shape.ValueWidth);
        T* ds = p + ((long)_stride * Tile), shift = ds + ((long)_stride * Tile), delta = shift + _stride, queries = delta + _stride;
        T* keys = queries + ((long)_width * Tile), dk = keys + ((long)_width * Tile), cotangents = dk + ((long)_width * Tile), dv = cotangents + ((long)_valueWidth * Tile);
        T* outputQ = (T*)arguments.Outputs[0] + (head * _shape.Queries * _shape.Width);
        T* outputK = (T*)arguments.Outputs[0] + (_shape.HeadCount * _shape.Queries * _shape.Width) + (head * _shape.Keys * _shape.Width);
        T* outputV = (T*)arguments.Outputs[0] + (_shape.HeadCount * ((long)_shape.Queries + _shape.Keys) * _shape.Width) + (head * _shape.Keys * _shape.ValueWidth);

        int columns = BlockProduct<T>.Padded(_shape.Width), valueColumns = BlockProduct<T>.Padded(_shape.ValueWidth), turned = -1;
        var scale = T.CreateTruncating(_shape.Scale);

        // Rows of whole registers are summed where they belong.
        bool isDirect = columns == _shape.Width, isValueDirect = valueColumns == _shape.ValueWidth;
        int step = isDirect ? _shape.Width : _width, valueStep = isValueDirect ? _shape.ValueWidth : _valueWidth;
        outputQ += (long)firstQuery * _shape.Width;
        if (isDirect)
            dq = outputQ;
        if (toQueries && endKey == 0)
            new Span<T>(dq, checked((endQuery - firstQuery) * step)).Clear();
        for (var key = firstKey; key < endKey; key += Tile)
        {
            var keyCount = Math.Min(Tile, endKey - key);
            T* kRow = k + (key * _layouts[1].Row), vRow = v + (key * _layouts[2].Row);
            if (toQueries)
                BlockProduct<T>.CopyRows(kRow, _layouts[1].Row, keyCount, _shape.Width, keys, _width);
            T* keyRows = outputK + ((long)key * _shape.Width), valueRows = outputV + ((long)key * _shape.ValueWidth);
            if (isDirect)
                dk = keyRows;
            if (isValueDirect)
                dv = valueRows;
            var isSeen = false;
            for (var query = firstQuery; query < endQuery; query += Tile)
            {
                int count = Math.Min(Tile, endQuery - query), padded = BlockProduct<T>.Padded(count);
                if (_shape.IsCausal && key >= query + count)
                    continue;
                T* qRow = q + (query * _layouts[0].Row), gRow = g + (query * _layouts[3].Row);
                var visible = _shape.Visible(query, key);
                if (turned != query)
                {
                    // Where there is but one tile of queries it serves all keys.
                    turned = query;
                    BlockProduct<T>.CopyTransposed(qRow, _layouts[0].Row, count, _shape.Width, qt, _stride);
                    BlockProduct<T>.CopyTransposed(gRow, _layouts[3].Row, count, _shape.ValueWidth, gt, _stride);
                    Statistics(gt, y + ((long)query * _shape.ValueWidth), logarithms + query, count, ds, shift, delta);
                    if (toKeys)
                    {
                        BlockProduct<T>.CopyRows(qRow, _layouts[0].Row, count, _shape.Width, queries, _width);
                        BlockProduct<T>.CopyRows(gRow, _layouts[3].Row, count, _shape.ValueWidth, cotangents, _valueWidth);
                    }
                }

                BlockProduct<T>.Run(kRow, _layouts[1].Row, 1, qt, _stride, p, _stride, keyCount, padded, _shape.Width, false, Triangle.Scores, visible);
                BlockProduct<T>.Run(vRow, _layouts[2].Row, 1, gt, _stride, ds, _stride, keyCount, padded, _shape.ValueWidth, false, Triangle.Scores, visible);
                var scoreScale = ScoreTile<T>.Mask(_shape, mask, _layouts[^1], query, count, key, keyCount, p, _stride);
                ScoreTile<T>.Gradients(p, ds, _stride, padded, keyCount, visible, scoreScale, scale, shift, delta);
                if (toKeys)
                {
                    BlockProduct<T>.Run(p, _stride, 1, cotangents, _valueWidth, dv, valueStep, keyCount, valueColumns, count, isSeen, Triangle.Keys, visible);
                    BlockProduct<T>.Run(ds, _stride, 1, queries, _width, dk, step, keyCount, columns, count, isSeen, Triangle.Keys, visible);
                }

                if (toQueries)
                    BlockProduct<T>.Run(ds, 1, _stride, keys, _width, dq + ((long)(query - firstQuery) * step), step, count, columns, keyCount, key > 0, Triangle.Queries, visible);
                isSeen = true;
            }

            // Keys behind all queries.
            for (var j = 0; j < keyCount && toKeys && !isSeen; j++)
            {
                new Span<T>(dk + ((long)j * step), _shape.Width).Clear();
                new Span<T>(dv + ((long)j * valueStep), _shape.ValueWidth).Clear();
            }

            if (toKeys && !isDirect)
                TileTable<T>.Copy(dk, _width, keyRows, _shape.Width, keyCount, _shape.Width);
            if (toKeys && !isValueDirect)
                TileTable<T>.Copy(dv, _valueWidth, valueRows, _shape.ValueWidth, keyCount, _shape.ValueWidth);
        }

        if (toQueries && !isDirect)
            TileTable<T>.Copy(dq, _width, outputQ, _shape.Width, endQuery - firstQuery, _shape.Width);
    }

    private T* Head(in KernelArguments arguments, int input, long head) => (T*)arguments.Inputs[input] + _layouts[input].Start(head, _shape.Heads);

    /// <summary>The shift ln Σ, 0 for a query that sees nothing, and δ = Σ g · y of each query; the lanes behind the last have neither.</summary>
    /// <param name="turned">Room for a tile, in which the outputs are turned as the cotangents in gt are.</param>
    private void Statistics(T* gt, T* y, T* logarithms, int count, T* turned, T* shift, T* delta)
    {
        new Span<T>(shift, _stride).Clear();
        new Span<T>(delta, _stride).Clear();
        for (var i = 0; i < count; i++)
            shift[i] = T.IsNegativeInfinity(logarithms[i]) ? T.Zero : logarithms[i];
        for (int e = 0, rows; e < _shape.ValueWidth; e += rows)
        {
            rows = Math.Min(Tile, _shape.ValueWidth - e);
            BlockProduct<T>.CopyTransposed(y + e, _shape.ValueWidth, count, rows, turned, _stride);
            ScoreTile<T>.AddProducts(gt + ((long)e * _stride), turned, _stride, BlockProduct<T>.Padded(count), rows, delta);
        }
    }
}
