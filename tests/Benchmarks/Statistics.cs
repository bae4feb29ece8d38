namespace Gradients.Benchmarks;

internal static class Statistics
{
    public static double Median(List<double> values) => At(values, 0.5);

    /// <summary>The value that <paramref name="part"/> of the values are not above; sorts them.</summary>
    public static double At(List<double> values, double part)
    {
        values.Sort();
        return values[(int)(part * (values.Count - 1))];
    }
}
