using System.Numerics;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Operands of a kernel that goes row by row: matrices of <see cref="Columns"/> columns, and columns of one element a row.</summary>
internal readonly unsafe struct RowOperands(void** inputs, void** outputs, long columns, double parameter)
{
    public long Columns => columns;

    /// <summary>A constant of the function, such as an epsilon.</summary>
    public double Parameter => parameter;

    public T* Input<T>(int position) where T : unmanaged => (T*)inputs[position];

    public T* Output<T>() where T : unmanaged => (T*)outputs[0];
}

/// <summary>A function of rows, of which each is read while it is in cache; the rows do not depend on each other.</summary>
internal interface IRowFunction
{
    /// <summary>Computes the rows [first, end).</summary>
    static abstract void Run<V, T>(in RowOperands operands, long first, long end)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>;
}

/// <summary>Binds a function of rows to the number of rows; units are runs of whole rows. The output is [rows, columns] or [rows].</summary>
internal sealed unsafe class RowKernel<TFunction, T> : Kernel
    where TFunction : struct, IRowFunction
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const long UnitElements = 1 << 14;

    private readonly long _rows;
    private readonly long _columns;
    private readonly long _rowsPerUnit;
    private readonly double _parameter;

    public RowKernel(long rows, long columns, double flopsPerElement, double parameter = 0)
    {
        (_rows, _columns, _parameter) = (rows, columns, parameter);
        _rowsPerUnit = Math.Max(1, UnitElements / Math.Max(1, columns));
        UnitCount = (rows + _rowsPerUnit - 1) / _rowsPerUnit;
        Flops = flopsPerElement * rows * columns;
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var operands = new RowOperands(arguments.Inputs, arguments.Outputs, _columns, _parameter);
        long first = unit * _rowsPerUnit, end = Math.Min(_rows, first + _rowsPerUnit);
        if (Vector512.IsHardwareAccelerated)
            TFunction.Run<Lanes512<T>, T>(operands, first, end);
        else if (Vector256.IsHardwareAccelerated)
            TFunction.Run<Lanes256<T>, T>(operands, first, end);
        else if (Vector128.IsHardwareAccelerated)
            TFunction.Run<Lanes128<T>, T>(operands, first, end);
        else
            TFunction.Run<ScalarLanes<T>, T>(operands, first, end);
    }
}
