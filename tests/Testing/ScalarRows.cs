using Gradients.Engine.Graph;

namespace Gradients.Testing;

/// <summary>
/// The references of the ops over rows [rows, n]: values from the definitions, bounds from the first-order propagation of n ε for
/// each sum, a few ε for each other step, and the error of the mean for what is centred by it.
/// </summary>
internal static class ScalarRows
{
    public static (double[] Values, double[] Bounds)? Of(Node node, double[][] inputs, double epsilon, double largest)
    {
        var matrix = node.Inputs[0].Shape;
        var n = matrix.Rank == 2 ? (int)matrix[1] : 0;
        Func<double[][], int, (double, double)[]>? row = node.Op!.Name switch
        {
            "SoftmaxRowsGradient" => (x, _) => SoftmaxGradient(x[0], x[1], epsilon),
            "LogSoftmaxRowsGradient" => (x, _) => LogSoftmaxGradient(x[0], x[1], epsilon),
            "CrossEntropyRows" => (x, r) => [CrossEntropy(x[0], (int)inputs[1][r], epsilon)],
            "CrossEntropyRowsGradient" => (x, r) => CrossEntropyGradient(x[0], (int)inputs[1][r], inputs[2][r], epsilon),
            "NormalizedRows" => (x, _) => Normalized(node, x[0], Vector(1), Vector(2), epsilon, largest),
            "NormalizedRowsGradient" => (x, _) => NormalizedGradient(node, x[0], x[1], Vector(2), epsilon, largest),
            _ => null,
        };
        if (row is null)
            return null;
        if (n == 0)
            return ([], []);
        var results = Enumerable.Range(0, (int)matrix[0]).SelectMany(r => row([.. inputs.Select(i => i.Length == matrix.ElementCount ? i[(r * n)..((r + 1) * n)] : [])], r)).ToArray();

        // Where the propagation itself overflows nothing is known.
        return ([.. results.Select(r => r.Item1)], [.. results.Select(r => double.IsNaN(r.Item2) ? double.PositiveInfinity : r.Item2)]);

        double[]? Vector(int input) => input < inputs.Length ? inputs[input] : null;
    }

    private static (double, double)[] SoftmaxGradient(double[] y, double[] g, double epsilon)
    {
        var terms = y.Zip(g, (a, b) => a * b).ToArray();
        double sum = terms.Sum(), off = (y.Length + 4) * epsilon * terms.Sum(Math.Abs);
        return [.. y.Zip(g, (a, b) => (a * (b - sum), Math.Abs(a) * (off + (4 * epsilon * (Math.Abs(b) + Math.Abs(sum))))))];
    }

    private static (double, double)[] LogSoftmaxGradient(double[] y, double[] g, double epsilon)
    {
        double sum = g.Sum(), off = (y.Length + 8) * epsilon * g.Sum(Math.Abs);
        return [.. y.Zip(g, (a, b) => (b - (Math.Exp(a) * sum), (Math.Exp(a) * off) + (2 * epsilon * Math.Abs(b))))];
    }

    private static (double Sum, double Bound) LogSumExp(double[] x, double epsilon)
    {
        var max = x.Aggregate(double.NegativeInfinity, Math.Max);
        return (max + Math.Log(x.Sum(v => Math.Exp(v - max))), epsilon * (x.Length + 8 + Math.Abs(max) + x.Max(Math.Abs)));
    }

    private static (double, double) CrossEntropy(double[] x, int index, double epsilon)
    {
        var (sum, bound) = LogSumExp(x, epsilon);
        return (sum - x[index], bound + (4 * epsilon * (Math.Abs(sum) + Math.Abs(x[index]))));
    }

    private static (double, double)[] CrossEntropyGradient(double[] x, int index, double g, double epsilon)
    {
        var (sum, bound) = LogSumExp(x, epsilon);
        return [.. x.Select((v, i) =>
        {
            double p = Math.Exp(v - sum), target = i == index ? 1 : 0;
            return (g * (p - target), Math.Abs(g) * ((p * (bound + (4 * epsilon * (Math.Abs(v) + Math.Abs(sum))))) + (8 * epsilon * (p + target))));
        })];
    }

    private static (double[] Values, double[] Bounds, double Inverse, double Relative) Normal(Node node, double[] x, double epsilon, double largest)
    {
        var n = x.Length;
        var centred = node.Attributes.Int("centred", 1) != 0;
        double mean = centred ? x.Average() : 0, square = x.Average(v => (v - mean) * (v - mean));
        double inverse = 1 / Math.Sqrt(square + node.Attributes.Float("epsilon", 0));
        var lost = centred ? (n + 4) * epsilon * x.Average(Math.Abs) : 0;
        // Squares that overflow in the element type leave nothing to compare.
        var relative = square * n > largest / 16 ? double.PositiveInfinity : (inverse * inverse * ((lost * lost) + ((n + 8) * epsilon * square))) + (8 * epsilon);
        return ([.. x.Select(v => (v - mean) * inverse)], [.. x.Select(v => (inverse * (lost + (4 * epsilon * (Math.Abs(v) + Math.Abs(mean))))) + (Math.Abs(v - mean) * inverse * relative))], inverse, relative);
    }

    private static (double, double)[] Normalized(Node node, double[] x, double[]? scale, double[]? shift, double epsilon, double largest)
    {
        var (values, bounds, _, _) = Normal(node, x, epsilon, largest);
        return [.. values.Select((v, i) =>
        {
            double s = scale?[i] ?? 1, b = shift?[i] ?? 0;
            return ((v * s) + b, (bounds[i] * Math.Abs(s)) + (2 * epsilon * (Math.Abs(v * s) + Math.Abs(b))));
        })];
    }

    private static (double, double)[] NormalizedGradient(Node node, double[] x, double[] g, double[]? scale, double epsilon, double largest)
    {
        var n = x.Length;
        var (normal, off, inverse, relative) = Normal(node, x, epsilon, largest);
        var scaled = g.Select((v, i) => v * (scale?[i] ?? 1)).ToArray();
        var mean = node.Attributes.Int("centred", 1) != 0 ? scaled.Average() : 0;
        var product = scaled.Zip(normal, (a, b) => a * b).Average();
        double meanOff = (n + 4) * epsilon * scaled.Average(Math.Abs);
        double productOff = ((n + 4) * epsilon * scaled.Zip(normal, (a, b) => Math.Abs(a * b)).Average()) + scaled.Zip(off, (a, b) => Math.Abs(a) * b).Average();
        return [.. scaled.Select((v, i) =>
        {
            var value = inverse * (v - mean - (normal[i] * product));
            var terms = Math.Abs(v) + Math.Abs(mean) + Math.Abs(normal[i] * product);
            return (value, (inverse * (meanOff + (Math.Abs(normal[i]) * productOff) + (off[i] * Math.Abs(product)) + (6 * epsilon * terms))) + (inverse * terms * relative));
        })];
    }
}
