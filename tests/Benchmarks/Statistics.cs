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

    /// <summary>The median and what is beside it.</summary>
    public static Row Row(string suite, string name, List<double> microseconds) =>
        new(suite, name, 1, "us", Median(microseconds)) { P10 = At(microseconds, 0.1), P90 = At(microseconds, 0.9), MayAllocate = true };
}
