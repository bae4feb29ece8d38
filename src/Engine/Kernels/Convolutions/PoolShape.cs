namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>Windows over planes: x[planes, rows, columns] to y[planes, rows, columns], both contiguous.</summary>
internal readonly record struct PoolShape(long Planes, WindowAxis Rows, WindowAxis Columns)
{
    private const double UnitWork = 1 << 19;

    public long InputElements => (long)Rows.Input * Columns.Input;

    public long OutputElements => (long)Rows.Output * Columns.Output;

    /// <summary>Elements that all windows read.</summary>
    public double Reads => (double)Planes * OutputElements * Rows.Kernel * Columns.Kernel;

    /// <summary>Planes that fill a unit.</summary>
    public long UnitPlanes => (long)Math.Clamp(UnitWork * Planes / Math.Max(1, Reads + ((double)Planes * InputElements)), 1, Math.Max(1, Planes));

    public long UnitCount => InputElements == 0 || OutputElements == 0 ? 0 : (Planes + UnitPlanes - 1) / UnitPlanes;
}
