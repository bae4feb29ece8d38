namespace Gradients.Benchmarks.Peers;

/// <summary>How far two libraries' results are apart.</summary>
internal static class Agreement
{
    /// <summary>What rounding explains in float32 sums of some thousand terms.</summary>
    public const double Tolerance = 2e-3;

    /// <summary>The part of the largest array's norm below which an array is rounding alone, as the gradient of an attention's key bias is.</summary>
    private const double Noise = 1e-4;

    /// <summary>The largest ‖a − b‖₂ / ‖b‖₂ of all arrays; NaN when a number is.</summary>
    public static double Worst(double[][] ours, double[][] theirs)
    {
        if (ours.Length != theirs.Length)
            throw new ArgumentException($"{ours.Length} arrays are compared with {theirs.Length}.");
        var floor = Math.Max(double.Epsilon, Noise * theirs.Max(Norm));
        var worst = 0.0;
        for (var i = 0; i < ours.Length; i++)
        {
            var relative = Norm([.. ours[i].Zip(theirs[i], (a, b) => a - b)]) / Math.Max(floor, Norm(theirs[i]));
            worst = relative <= worst ? worst : relative;
        }

        return worst;
    }

    /// <summary>Results that are too far apart are an error.</summary>
    public static void Require(string what, double[][] ours, double[][] theirs)
    {
        var worst = Worst(ours, theirs);
        if (!(worst <= Tolerance))
            throw new InvalidOperationException($"{what}: results differ by {worst:0.0e0}.");
    }

    private static double Norm(double[] values) => Math.Sqrt(values.Sum(v => v * v));
}
