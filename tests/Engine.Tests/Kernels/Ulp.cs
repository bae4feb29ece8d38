namespace Gradients.Engine.Tests.Kernels;

/// <summary>Distances in units in the last place.</summary>
internal static class Ulp
{
    /// <summary>|actual − expected| over the spacing of doubles at expected; infinite where only one is NaN or infinite.</summary>
    public static double Distance(double expected, double actual)
    {
        if (expected.Equals(actual))
            return 0;
        if (!double.IsFinite(expected) || !double.IsFinite(actual))
            return double.PositiveInfinity;
        double spacing = Math.BitIncrement(Math.Abs(expected)) - Math.Abs(expected);
        return Math.Abs(actual - expected) / spacing;
    }

    /// <summary>The same for floats, against a reference in double; beyond the range of floats, infinity is expected.</summary>
    public static double Distance(double reference, float actual)
    {
        float expected = (float)reference;
        if (expected.Equals(actual))
            return 0;
        if (!float.IsFinite(expected) || !float.IsFinite(actual))
            return double.PositiveInfinity;
        double spacing = MathF.BitIncrement(Math.Abs(expected)) - Math.Abs(expected);
        return Math.Abs(actual - reference) / spacing;
    }
}
