namespace Gradients.Engine.Sessions.Training;

/// <param name="Norm">√Σg² in double precision; NaN when the gradient is absent or an element is NaN.</param>
/// <param name="Absent">Nothing has flowed into the variable.</param>
public readonly record struct GradientNorm(ulong Variable, bool Absent, double Norm, bool Finite);

/// <param name="Step">Number of the step behind the one reported.</param>
/// <param name="Epoch">Of the step's last slice, from 0.</param>
/// <param name="Losses">For each root its value, the mean over the step's slices.</param>
/// <param name="MeanLosses">The mean of the losses over all steps since the report before.</param>
/// <param name="Gradients">For each variable, when asked for; else empty.</param>
public sealed record TrainReport(long Step, long Epoch, double[] Losses, double[] MeanLosses, GradientNorm[] Gradients);

/// <param name="Steps">How many steps were applied.</param>
/// <param name="Stopped">Why not all; null when all were.</param>
/// <param name="LastReport">Of the last step that was applied.</param>
/// <param name="Versions">Of the variables that were stepped.</param>
public sealed record TrainResult(long Steps, Exception? Stopped, TrainReport LastReport, IReadOnlyList<VariableVersion> Versions);
