using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions.Training;

/// <summary>The optimizer's scalars of one step, in memory that its executions are bound to once.</summary>
internal sealed unsafe class StepScalars(Optimizer optimizer, DataType type, BufferPool pool, Quota? account) : IDisposable
{
    private const int Stride = 64;

    private readonly PooledBuffer _scalars = pool.Rent(optimizer.ScalarCount * Stride, "optimizer", account);
    private readonly double[] _values = new double[optimizer.ScalarCount];
    private long _step;

    public DataType Type { get; } = type;

    public void* this[int index] => _scalars.Pointer + (index * Stride);

    /// <summary>Writes those of a step, unless they are there.</summary>
    public void Set(long step)
    {
        if (step == _step)
            return;
        _step = step;
        optimizer.Scalars(step, _values);
        for (var i = 0; i < _values.Length; i++)
        {
            if (Type == DataType.Float32)
                *(float*)this[i] = (float)_values[i];
            else
                *(double*)this[i] = _values[i];
        }
    }

    public void Dispose() => _scalars.Release();
}
