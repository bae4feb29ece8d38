using System.Numerics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// y[p, o…] = Σ of the window's elements inside x, divided by a count for each position (rows' count × columns' count), or the
/// adjoint of that. Elements outside x add nothing.
/// </summary>
internal sealed unsafe class AveragePoolKernel<T> : Kernel
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly PoolShape _shape;
    private readonly (int First, int End)[] _rows;
    private readonly (int First, int End)[] _columns;
    private readonly T[] _rowCounts;
    private readonly T[] _columnCounts;
    private readonly bool _isAdjoint;

    public AveragePoolKernel(PoolShape shape, long[] rowCounts, long[] columnCounts, bool isAdjoint)
    {
        (_shape, _isAdjoint) = (shape, isAdjoint);
        _rowCounts = Array.ConvertAll(rowCounts, T.CreateChecked);
        _columnCounts = Array.ConvertAll(columnCounts, T.CreateChecked);
        _rows = [.. Enumerable.Range(0, shape.Rows.Output).Select(shape.Rows.Inside)];
        _columns = [.. Enumerable.Range(0, shape.Columns.Output).Select(shape.Columns.Inside)];
        UnitCount = shape.UnitCount;
        Flops = shape.Reads;
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var last = Math.Min(_shape.Planes, (unit + 1) * _shape.UnitPlanes);
        for (var plane = unit * _shape.UnitPlanes; plane < last; plane++)
        {
            var (inner, outer) = (plane * _shape.InputElements, plane * _shape.OutputElements);
            if (_isAdjoint)
                Spread((T*)arguments.Inputs[0] + outer, (T*)arguments.Outputs[0] + inner);
            else
                Average((T*)arguments.Inputs[0] + inner, (T*)arguments.Outputs[0] + outer);
        }
    }

    private void Average(T* x, T* y)
    {
        for (var oy = 0; oy < _rows.Length; oy++)
        {
            for (var ox = 0; ox < _columns.Length; ox++, y++)
            {
                T sum = T.Zero;
                for (var ky = _rows[oy].First; ky < _rows[oy].End; ky++)
                {
                    var line = Line(x, oy, ky, ox);
                    for (var kx = _columns[ox].First; kx < _columns[ox].End; kx++)
                        sum += line[(long)kx * _shape.Columns.Dilation];
                }

                *y = sum / (_rowCounts[oy] * _columnCounts[ox]);
            }
        }
    }

    private void Spread(T* g, T* dx)
    {
        new Span<T>(dx, checked((int)_shape.InputElements)).Clear();
        for (var oy = 0; oy < _rows.Length; oy++)
        {
            for (var ox = 0; ox < _columns.Length; ox++, g++)
            {
                T share = *g / (_rowCounts[oy] * _columnCounts[ox]);
                for (var ky = _rows[oy].First; ky < _rows[oy].End; ky++)
                {
                    var line = Line(dx, oy, ky, ox);
                    for (var kx = _columns[ox].First; kx < _columns[ox].End; kx++)
                        line[(long)kx * _shape.Columns.Dilation] += share;
                }
            }
        }
    }

    /// <summary>Where kernel element (ky, 0) of a window lies.</summary>
    private T* Line(T* x, int oy, int ky, int ox) =>
        x + ((((long)oy * _shape.Rows.Stride) + ((long)ky * _shape.Rows.Dilation) - _shape.Rows.Pad) * _shape.Columns.Input) + ((long)ox * _shape.Columns.Stride) - _shape.Columns.Pad;
}
