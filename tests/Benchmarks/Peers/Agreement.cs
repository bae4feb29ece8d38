namespace Gradients.Benchmarks.Peers;

/// <summary>How far two libraries' results are apart.</summary>
internal static class Agreement
{
    /// <summary>What rounding explains in float32 sums of some thousand terms.</summary>
    public const double Tolerance = 2e-3;

    /// <summary>The largest ‖a − b‖₂ / ‖b‖₂ of all arrays; NaN when a number is.</summary>
    public static double Worst(double[][] ours, double[][] theirs)
    {
        if (ours.Length != theirs.Length)
            throw new ArgumentException($"{ours.Length} arrays are compared with {theirs.Length}.");
        var worst = 0.0;
        for (var i = 0; i < ours.Length; i++)
        {
            double difference = 0, norm = double.Epsilon;
            foreach (var (a, b) in ours[i].Zip(theirs[i]))
            {
                difference += (a - b) * (a - b);
                norm += b * b;
            }

            var relative = Math.Sqrt(difference / norm);
            worst = relative <= worst ? worst : relative;
        }

        return worst;
    }
}
