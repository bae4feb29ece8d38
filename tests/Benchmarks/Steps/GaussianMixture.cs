using System.Globalization;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

/// <summary>
/// ADBench's Gaussian mixture in float64. With Q_k lower triangular of diagonal exp(q_k):
/// Σ_i logsumexp_k(α_k + Σ q_k − ‖Q_k (x_i − μ_k)‖²/2) − n logsumexp(α) + Σ_k (γ²/2 (Σ exp 2q_k + Σ l_k²) − m Σ q_k);
/// terms without parameters are left out.
/// </summary>
internal static class GaussianMixture
{
    public static Network Read(BufferPool pool, string file)
    {
        var numbers = File.ReadAllText(file).Split((char[])[' ', '\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries);
        var next = 0;
        int d = (int)Take(1)[0], k = (int)Take(1)[0], n = (int)Take(1)[0], lower = d * (d - 1) / 2;
        double[] alphas = Take(k), means = Take(k * d), factors = Take(k * (d + lower)), points = Take(n * d), prior = Take(2);

        var b = new NetworkBuilder(pool);
        ulong alpha = b.Parameter(alphas, k), mean = b.Parameter(means, k, 1, d), factor = b.Parameter(factors, k, d + lower), x = b.Input(points, 1, n, d);
        var q = b.Op("Slice", factor, b.Integers(0), b.Integers(d), b.Integers(1));
        var l = b.Op("Slice", factor, b.Integers(d), b.Integers(d + lower), b.Integers(1));
        var sums = Sum(q, false, 1);
        var triangle = b.Op("Concat", [("axis", 1L)], b.Op("Exp", q), l, b.Input(new double[k], k, 1));
        var transposed = b.Reshape(b.Op("Gather", [("axis", 1L)], triangle, b.Integers(Positions(d))), k, d, d);
        var distances = b.Op("MatMul", b.Op("Sub", x, mean), transposed);
        var squares = Sum(b.Op("Mul", distances, distances), false, 2);
        var terms = b.Op("Sub", b.Reshape(b.Op("Add", alpha, sums), k, 1), b.Op("Mul", squares, b.Scalar(0.5)));
        var likelihood = Sum(LogSumExp(terms, 0), false, 0);
        var weights = b.Op("Mul", LogSumExp(alpha, 0), b.Scalar(n));
        var diagonal = b.Op("Exp", b.Op("Add", q, q));
        var wishart = b.Op("Mul", b.Op("Add", Sum(diagonal, false, 0, 1), Sum(b.Op("Mul", l, l), false, 0, 1)), b.Scalar(prior[0] * prior[0] / 2));
        var loss = b.Op("Sub", b.Op("Add", b.Op("Sub", likelihood, weights), wishart), b.Op("Mul", Sum(sums, false, 0), b.Scalar(prior[1])));
        return b.Finish(loss);

        double[] Take(int count)
        {
            var taken = Array.ConvertAll(numbers[next..(next + count)], v => double.Parse(v, CultureInfo.InvariantCulture));
            next += count;
            return taken;
        }

        ulong Sum(ulong value, bool keeps, params long[] axes) => b.Op("ReduceSum", [("keepdims", keeps ? 1L : 0)], value, b.Integers(axes));
        ulong LogSumExp(ulong value, long axis) => b.Op("ReduceLogSumExp", [("keepdims", 0L)], value, b.Integers(axis));
    }

    /// <summary>Where in a row of diagonal, lower entries by columns and a zero each element of Qᵀ stands.</summary>
    private static long[] Positions(int d)
    {
        var positions = new long[d * d];
        Array.Fill(positions, d + (d * (d - 1) / 2));
        var next = d;
        for (var column = 0; column < d; column++)
        {
            positions[(column * d) + column] = column;
            for (var row = column + 1; row < d; row++)
                positions[(column * d) + row] = next++;
        }

        return positions;
    }
}
