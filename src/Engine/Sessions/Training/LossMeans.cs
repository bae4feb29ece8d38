namespace Gradients.Engine.Sessions.Training;

/// <summary>Means of the roots' values: over the slices of a step, and over the steps since the last report.</summary>
internal sealed class LossMeans(int roots)
{
    private readonly double[] _step = new double[roots];
    private readonly double[] _last = new double[roots];
    private readonly double[] _since = new double[roots];
    private long _slices;
    private long _steps;

    public void Add(int root, double value) => _step[root] += value;

    public void EndSlice() => _slices++;

    public void EndStep()
    {
        for (var i = 0; i < _step.Length; i++)
        {
            _last[i] = _step[i] / _slices;
            _since[i] += _last[i];
        }

        Array.Clear(_step);
        _slices = 0;
        _steps++;
    }

    /// <summary>Of the last step.</summary>
    public double[] Last() => [.. _last];

    /// <summary>Over the steps since it was asked for the last time, or of the last step when there was none.</summary>
    public double[] TakeMeans()
    {
        var means = _steps == 0 ? Last() : Array.ConvertAll(_since, s => s / _steps);
        Array.Clear(_since);
        _steps = 0;
        return means;
    }
}
