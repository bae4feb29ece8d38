using System.Numerics;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// i[p, o…] = the flat position in x of the first largest element of the window, in the order of the kernel; a NaN is larger than
/// every number. −1 where the whole window lies outside x.
/// </summary>
internal sealed unsafe class MaxPoolIndicesKernel<T> : Kernel
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const long BandElements = 1 << 13;

    /// <summary>Windows of more elements, whose tables no client would have sent, go element by element.</summary>
    private const long MaxTaps = 1 << 16;

    /// <summary>Positions are whole numbers of T, which end there.</summary>
    private const long MaxReach = 1 << 24;

    private readonly PoolShape _shape;
    private readonly PaddedPlanes _band;
    private readonly int _bandRows;
    private readonly bool _isWide;
    private readonly long[] _offsets = [];
    private readonly T[] _steps = [];

    public MaxPoolIndicesKernel(PoolShape shape)
    {
        _shape = shape;
        var (rows, columns) = (shape.Rows, shape.Columns);
        var taps = (long)rows.Kernel * columns.Kernel;

        // A single column of windows leaves all lanes but one empty.
        var reach = (((rows.Kernel - 1.0) * rows.Dilation) * columns.Input) + ((columns.Kernel - 1.0) * columns.Dilation);
        _isWide = columns.Output > 1 && taps <= MaxTaps && reach < MaxReach;
        _bandRows = (int)Math.Clamp(BandElements / (columns.Output + (long)columns.Reach), 1, rows.Output);
        var planes = new ConvolutionShape(1, 1, 1, 1, rows, columns);
        _band = PaddedPlanes.OfInput(planes, _bandRows, PaddedPlanes.PitchOfInput(planes));
        if (_isWide)
        {
            _offsets = CorrelationPass.Pinned([.. Enumerable.Range(0, (int)taps).Select(k => _band.OffsetOf(k / columns.Kernel, k % columns.Kernel))]);
            _steps = [.. Enumerable.Range(0, (int)taps).Select(k => T.CreateChecked(((long)(k / columns.Kernel) * rows.Dilation * columns.Input) + ((long)(k % columns.Kernel) * columns.Dilation)))];
            WorkspaceBytes = checked((BandSize + Positions + TileTable<T>.Lanes) * sizeof(T));
        }

        UnitCount = shape.UnitCount;
        Flops = shape.Reads;
    }

    private long Positions => (long)_bandRows * _band.Pitch;

    private long BandSize => ((_band.Elements(1) + 15) / 16 * 16) + TileTable<T>.Lanes;

    public override void Run(in KernelArguments arguments, long unit)
    {
        var last = Math.Min(_shape.Planes, (unit + 1) * _shape.UnitPlanes);
        for (var plane = unit * _shape.UnitPlanes; plane < last; plane++)
        {
            var indices = (long*)arguments.Outputs[0] + (plane * _shape.OutputElements);
            if (_isWide)
            {
                RunBands((T*)arguments.Inputs[0], plane * _shape.InputElements, (T*)arguments.Workspace, indices);
                continue;
            }

            for (var o = 0; o < _shape.OutputElements; o++)
                indices[o] = Largest((T*)arguments.Inputs[0], plane * _shape.InputElements, o / _shape.Columns.Output, o % _shape.Columns.Output);
        }
    }

    private void RunBands(T* x, long plane, T* band, long* indices)
    {
        var (rows, columns) = (_shape.Rows, _shape.Columns);
        var taken = band + BandSize;
        fixed (long* offsets = _offsets)
        fixed (T* steps = _steps)
        {
            for (var first = 0; first < rows.Output; first += _bandRows)
            {
                var count = Math.Min(_bandRows, rows.Output - first);
                _band.Fill(x + plane, 1, first, band, T.NegativeInfinity);
                TileTable<T>.MaxPool(band, offsets, steps, _offsets.Length, ((count - 1) * _band.Pitch) + columns.Output, taken);
                for (var y = 0; y < count; y++, indices += columns.Output)
                {
                    var from = plane + ((((long)(first + y) * rows.Stride) - rows.Pad) * columns.Input) - columns.Pad;
                    if (!Locate(taken + ((long)y * _band.Pitch), from, columns.Stride, columns.Output, indices))
                        LocateSingly(x, plane, first + y, indices);
                }
            }
        }
    }

    /// <summary>Turns the steps of a row of windows into positions; false where one of them is none.</summary>
    private static bool Locate(T* steps, long from, int stride, int count, long* indices)
    {
        var (o, signs) = (0, 0);
        if (typeof(T) == typeof(float) && Vector256.IsHardwareAccelerated)
        {
            var begins = (Vector256<long>.Indices * stride) + Vector256.Create(from);
            var all = Vector256<int>.Zero;
            for (; o <= count - Vector256<int>.Count; o += Vector256<int>.Count, begins += Vector256.Create(Vector256<int>.Count * (long)stride))
            {
                var step = Vector256.ConvertToInt32Native(Vector256.Load((float*)(steps + o)));
                var (lower, upper) = Vector256.Widen(step);
                (lower + begins).Store(indices + o);
                (upper + begins + Vector256.Create(Vector256<long>.Count * (long)stride)).Store(indices + o + Vector256<long>.Count);
                all |= step;
            }

            signs = Vector256.Min(all, Vector256<int>.Zero) == Vector256<int>.Zero ? 0 : -1;
        }

        for (; o < count; o++)
        {
            var step = T.ConvertToIntegerNative<int>(steps[o]);
            indices[o] = from + ((long)o * stride) + step;
            signs |= step;
        }

        return signs >= 0;
    }

    /// <summary>A row of windows in which some hold nothing but −∞, or nothing at all.</summary>
    private void LocateSingly(T* x, long plane, int row, long* indices)
    {
        for (var o = 0; o < _shape.Columns.Output; o++)
            indices[o] = Largest(x, plane, row, o);
    }

    /// <summary>One window, element by element.</summary>
    private long Largest(T* x, long plane, int row, int column)
    {
        var (rows, columns) = (_shape.Rows.Inside(row), _shape.Columns.Inside(column));
        var (best, at) = (T.NegativeInfinity, -1L);
        for (var ky = rows.First; ky < rows.End; ky++)
        {
            var line = plane + ((((long)row * _shape.Rows.Stride) + ((long)ky * _shape.Rows.Dilation) - _shape.Rows.Pad) * _shape.Columns.Input) + ((long)column * _shape.Columns.Stride) - _shape.Columns.Pad;
            for (var kx = columns.First; kx < columns.End; kx++)
            {
                var value = x[line + ((long)kx * _shape.Columns.Dilation)];

                // Not (value ≤ best) also holds for NaN on either side.
                if (at < 0 || (!(value <= best) && !T.IsNaN(best)))
                    (best, at) = (value, line + ((long)kx * _shape.Columns.Dilation));
            }
        }

        return at;
    }
}

/// <summary>y[j] = x[i[j]], a given value where i[j] is −1.</summary>
internal sealed unsafe class PoolPickKernel<T> : Kernel
    where T : unmanaged
{
    private const long UnitElements = 1 << 14;

    private readonly long _count;
    private readonly T _empty;
    private readonly long _inputs;

    public PoolPickKernel(long inputs, long count, T empty)
    {
        (_inputs, _count, _empty) = (inputs, count, empty);
        UnitCount = (count + UnitElements - 1) / UnitElements;
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        T* x = (T*)arguments.Inputs[0], y = (T*)arguments.Outputs[0];
        var indices = (long*)arguments.Inputs[1];
        var end = Math.Min(_count, (unit + 1) * UnitElements);
        for (var j = unit * UnitElements; j < end; j++)
            y[j] = (ulong)indices[j] < (ulong)_inputs ? x[indices[j]] : _empty;
    }
}

/// <summary>dx = 0, then dx[i[j]] += g[j] in the order of j within each plane; i[j] = −1 adds nowhere.</summary>
internal sealed unsafe class PoolPlaceKernel<T> : Kernel
    where T : unmanaged, INumber<T>
{
    private readonly PoolShape _shape;

    public PoolPlaceKernel(PoolShape shape)
    {
        _shape = shape;
        UnitCount = shape.UnitCount;
        Flops = (double)shape.Planes * shape.OutputElements;
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var indices = (long*)arguments.Inputs[1];
        var last = Math.Min(_shape.Planes, (unit + 1) * _shape.UnitPlanes);
        for (var plane = unit * _shape.UnitPlanes; plane < last; plane++)
        {
            long start = plane * _shape.InputElements, first = plane * _shape.OutputElements;
            var to = (T*)arguments.Outputs[0] + start;
            var g = (T*)arguments.Inputs[0];
            new Span<T>(to, checked((int)_shape.InputElements)).Clear();
            for (var j = first; j < first + _shape.OutputElements; j++)
            {
                var position = indices[j] - start;
                if ((ulong)position < (ulong)_shape.InputElements)
                    to[position] += g[j];
            }
        }
    }
}
