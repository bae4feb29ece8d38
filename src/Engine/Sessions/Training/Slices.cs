using System.Diagnostics;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions.Training;

/// <summary>
/// The data of a loop as numbered slices of consecutive rows, epoch after epoch. In the data's own order a slice is a place
/// in the data; in a shuffled one its rows are copied together.
/// </summary>
internal sealed unsafe class Slices : IDisposable
{
    /// <summary>Kernels may read whole vectors behind the end of a value.</summary>
    private const int Vector = 64;

    /// <summary>Bytes that are copied between two looks at the clock: some twenty microseconds.</summary>
    private const long Piece = 1 << 18;

    private readonly Source[] _sources;
    private readonly RowOrder? _order;
    private readonly long _batch;
    private readonly long _perEpoch;
    private readonly bool _shuffled;
    private long _loading = -1;
    private int _source;
    private long _row;

    public Slices(TrainRequest request, BufferPool pool, Quota? account)
    {
        Rows = RowsOf(request.Data);
        if (request.BatchSize < 0 || request.BatchSize > Rows)
            throw Invalid("batch_size", $"A slice of {request.BatchSize} rows was asked for; the data has {Rows}.");
        _batch = request.BatchSize == 0 ? Rows : request.BatchSize;
        _perEpoch = Math.Max(1, _batch == 0 ? 1 : Rows / _batch);
        if (request.Remainder == EpochRemainder.Keep && _batch > 0 && Rows % _batch is > 0 and var left)
            (Remainder, _perEpoch) = (left, _perEpoch + 1);
        _shuffled = request.ShuffleSeed is not null && request.Data.Count > 0;
        if (_shuffled && Rows > uint.MaxValue)
            throw Invalid("shuffle_seed", $"{Rows} rows are too many to shuffle; the limit is {uint.MaxValue}.");
        _sources = [.. request.Data.Select(d => new Source(d.Key, d.Value))];
        try
        {
            if (_shuffled)
                _order = new RowOrder(Rows, request.ShuffleSeed!.Value, pool, account);
            foreach (var source in _sources)
            {
                if (_shuffled || (_batch * source.RowBytes) % Vector != 0)
                    source.Copy = pool.Rent(_batch * source.RowBytes, "training", account);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Rows of the data; 0 when there is none.</summary>
    public long Rows { get; }

    /// <summary>Rows of a whole slice.</summary>
    public long Batch => _batch;

    /// <summary>Rows of the last slice of an epoch when it is a smaller one; else 0.</summary>
    public long Remainder { get; }

    public int Count => _sources.Length;

    public ulong IdOf(int source) => _sources[source].Id;

    /// <summary>Element type and shape of a slice of so many rows.</summary>
    public NodeType TypeOf(int source, long rows)
    {
        var tensor = _sources[source].Tensor;
        var shape = tensor.Shape.Dimensions.ToArray();
        shape[0] = rows;
        return new NodeType(tensor.DataType, new Shape(shape));
    }

    public long EpochOf(long slice) => slice / _perEpoch;

    public bool IsRemainder(long slice) => Remainder > 0 && slice % _perEpoch == _perEpoch - 1;

    /// <summary>Where the elements of the slice loaded last are; valid until the next is loaded.</summary>
    public void* ElementsOf(int source) => _sources[source].Elements;

    /// <summary>Goes on loading a slice; false when the time is over before it is loaded.</summary>
    public bool TryLoad(long slice, long parkAt, CancellationToken cancellation)
    {
        if (slice != _loading)
            (_loading, _source, _row) = (slice, 0, 0);
        if (_order is not null && !_order.TryPrepare(EpochOf(slice), parkAt, cancellation))
            return false;
        var first = slice % _perEpoch * _batch;
        var rows = IsRemainder(slice) ? Remainder : _batch;
        for (; _source < _sources.Length; _source++)
        {
            var source = _sources[_source];
            if (!_shuffled && source.IsPlace(first, rows))
            {
                source.Elements = source.Tensor.Buffer.Pointer + (first * source.RowBytes);
                continue;
            }

            source.Elements = source.Copy!.Pointer;
            while (_row < rows)
            {
                cancellation.ThrowIfCancellationRequested();
                var count = Math.Min(rows - _row, 1 + (Piece / Math.Max(1, source.RowBytes)));
                Copy(source, first, count);
                if (_row < rows && parkAt != long.MaxValue && Stopwatch.GetTimestamp() >= parkAt)
                    return false;
            }

            _row = 0;
        }

        return true;
    }

    public void Dispose()
    {
        _order?.Dispose();
        foreach (var source in _sources)
            source.Copy?.Release();
    }

    private void Copy(Source source, long first, long count)
    {
        var from = source.Tensor.Buffer.Pointer;
        var to = source.Copy!.Pointer;
        var bytes = source.RowBytes;
        for (var end = _row + count; _row < end; _row++)
        {
            var row = _order is { } order ? order[first + _row] : first + _row;
            Buffer.MemoryCopy(from + (row * bytes), to + (_row * bytes), bytes, bytes);
        }
    }

    private static long RowsOf(IReadOnlyDictionary<ulong, Tensor> data)
    {
        var (rows, of) = (-1L, 0UL);
        foreach (var (id, tensor) in data)
        {
            if (tensor.Shape.Rank == 0 || tensor.Shape[0] == 0)
                throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"The data of node {id} has shape {tensor.Shape} and no rows to slice.").With("node", id.ToString()).With("shapes", tensor.Shape.ToString());
            if (rows >= 0 && tensor.Shape[0] != rows)
                throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"The data of node {of} has {rows} rows, that of node {id} {tensor.Shape[0]}.").With("node", id.ToString()).With("shapes", tensor.Shape.ToString());
            (rows, of) = (tensor.Shape[0], id);
        }

        return Math.Max(0, rows);
    }

    private static GradientsException Invalid(string field, string message) =>
        GradientsException.Invalid(ErrorReasons.InvalidField, message).With("field", field);

    private sealed class Source(ulong id, Tensor tensor)
    {
        public ulong Id { get; } = id;

        public Tensor Tensor { get; } = tensor;

        public long RowBytes { get; } = tensor.ByteCount / tensor.Shape[0];

        /// <summary>Room for a slice's rows, where they cannot always be used in place.</summary>
        public PooledBuffer? Copy { get; set; }

        public byte* Elements { get; set; }

        /// <summary>Whether kernels may read the rows where they are.</summary>
        public bool IsPlace(long first, long rows) =>
            Copy is null || first * RowBytes % Vector == 0 || ((first + rows) * RowBytes) + Vector <= Tensor.Buffer.Capacity;
    }
}
