using System.Numerics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// i[p, o…] = the flat position in x of the first largest element of the window, in the order of the kernel; a NaN is larger than
/// every number. −1 where the whole window lies outside x.
/// </summary>
internal sealed unsafe class MaxPoolIndicesKernel<T> : Kernel
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly PoolShape _shape;
    private readonly (int First, int End)[] _insideColumns;

    public MaxPoolIndicesKernel(PoolShape shape)
    {
        _shape = shape;
        var columns = shape.Columns;
        _insideColumns = [.. Enumerable.Range(0, columns.Kernel).Select(k => Positions(columns, k))];
        UnitCount = shape.UnitCount;
        WorkspaceBytes = (long)columns.Output * sizeof(T);
        Flops = shape.Reads;
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var last = Math.Min(_shape.Planes, (unit + 1) * _shape.UnitPlanes);
        for (var plane = unit * _shape.UnitPlanes; plane < last; plane++)
        {
            var indices = (long*)arguments.Outputs[0] + (plane * _shape.OutputElements);
            for (var row = 0; row < _shape.Rows.Output; row++, indices += _shape.Columns.Output)
                RunRow((T*)arguments.Inputs[0], plane * _shape.InputElements, row, (T*)arguments.Workspace, indices);
        }
    }

    /// <summary>The positions [first, end) of a window that see kernel element k inside the input.</summary>
    private static (int First, int End) Positions(WindowAxis axis, int k)
    {
        var shift = ((long)k * axis.Dilation) - axis.Pad;
        var first = Math.Min(axis.Output, shift >= 0 ? 0 : (-shift + axis.Stride - 1) / axis.Stride);
        var end = shift >= axis.Input ? 0 : Math.Min(axis.Output, ((axis.Input - 1 - shift) / axis.Stride) + 1);
        return ((int)first, (int)Math.Max(first, end));
    }

    private void RunRow(T* x, long plane, int row, T* best, long* indices)
    {
        var columns = _shape.Columns;
        new Span<long>(indices, columns.Output).Fill(-1);
        new Span<T>(best, columns.Output).Fill(T.NegativeInfinity);
        var (firstRow, lastRow) = _shape.Rows.Inside(row);
        for (var ky = firstRow; ky < lastRow; ky++)
        {
            var line = plane + ((((long)row * _shape.Rows.Stride) + ((long)ky * _shape.Rows.Dilation) - _shape.Rows.Pad) * columns.Input);
            for (var kx = 0; kx < columns.Kernel; kx++)
            {
                var (first, end) = _insideColumns[kx];
                var from = line + ((long)first * columns.Stride) + ((long)kx * columns.Dilation) - columns.Pad;
                for (var o = first; o < end; o++, from += columns.Stride)
                {
                    T value = x[from], old = best[o];
                    var isFirst = indices[o] < 0;
                    // Not (value ≤ old) also holds for NaN on either side.
                    var isLarger = (!(value <= old) & !T.IsNaN(old)) | isFirst;
                    best[o] = isLarger ? value : old;
                    indices[o] = isLarger ? from : indices[o];
                }
            }
        }
    }
}

/// <summary>y[j] = x[i[j]], a given value where i[j] is −1.</summary>
internal sealed unsafe class PoolPickKernel<T> : Kernel
    where T : unmanaged
{
    private const long UnitElements = 1 << 17;

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
