namespace Gradients.Cli.Demo.Chapters;

/// <summary>
/// Weights and data of Linear(10, 5)-Relu-Linear(5, 1), each a formula of its flat index; expected_mlp.py writes the same.
/// </summary>
internal static class LiteralWeights
{
    public static double[] X => Sequence(4 * 10, i => Math.Sin(0.3 * i));

    public static double[] Y => Sequence(4, i => i / 2 - 1);

    public static double[] W1 => Sequence(5 * 10, i => 0.4 * Math.Cos(0.7 * i));

    public static double[] B1 => Sequence(5, i => 0.1 * i - 0.2);

    public static double[] W2 => Sequence(5, i => 0.5 - 0.2 * i);

    public static double[] B2 => [0.05];

    public static double[] Sequence(int count, Func<double, double> formula) => [.. Enumerable.Range(0, count).Select(i => formula(i))];
}
