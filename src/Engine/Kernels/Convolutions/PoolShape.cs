namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>Windows over planes: x[planes, rows, columns] to y[planes, rows, columns], both contiguous.</summary>
internal readonly record struct PoolShape(long Planes, WindowAxis Rows, WindowAxis Columns)
{
    private const double UnitWork = 1 << 17;

    public long InputElements => (long)Rows.Input * Columns.Input;

    public long OutputElements => (long)Rows.Output * Columns.Output;

    /// <summary>Elements that all windows read.</summary>
    public double Reads => (double)Planes * OutputElements * Rows.Kernel * Columns.Kernel;

    /// <summary>Planes of each unit but the last, which may have fewer.</summary>
    public long UnitPlanes
    {
        get
        {
            var most = (long)Math.Clamp(UnitWork * Planes / Math.Max(1, Reads + ((double)Planes * InputElements)), 1, Math.Max(1, Planes));
            var units = Math.Max(1, (Planes + most - 1) / most);
            return Math.Max(1, (Planes + units - 1) / units);
        }
    }

    public long UnitCount => InputElements == 0 || OutputElements == 0 ? 0 : (Planes + UnitPlanes - 1) / UnitPlanes;
}
