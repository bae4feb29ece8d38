namespace Gradients.Client;

/// <summary>How far a loop on the server has come.</summary>
public sealed class TrainProgress
{
    private readonly V1.TrainReport _report;

    internal TrainProgress(V1.TrainReport report, bool isLast)
    {
        _report = report;
        IsLast = isLast;
    }

    /// <summary>Number of the step behind the one reported: where another loop goes on.</summary>
    public long Step => (long)_report.Step;

    /// <summary>The epoch of the step's last slice, from 0.</summary>
    public long Epoch => (long)_report.Epoch;

    /// <summary>The loop has ended behind this step.</summary>
    public bool IsLast { get; }

    /// <summary>The value of the first root in this step.</summary>
    public double Loss => _report.Losses[0];

    /// <summary>The mean of the first root over all steps since the progress before.</summary>
    public double MeanLoss => _report.MeanLosses[0];

    /// <summary>For each root its value in this step.</summary>
    public IReadOnlyList<double> Losses => _report.Losses;

    /// <summary>For each root its mean over all steps since the progress before.</summary>
    public IReadOnlyList<double> MeanLosses => _report.MeanLosses;

    /// <summary>The Euclidean norm of a variable's gradient in this step, when asked for; null where nothing has flowed.</summary>
    public double? GradientNorm(Variable variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        foreach (var gradient in _report.Gradients)
        {
            if (gradient.Value == variable.Id)
                return gradient.Absent ? null : gradient.Statistics.Norm;
        }

        throw new KeyNotFoundException($"The gradient of {variable} was not reported.");
    }
}
