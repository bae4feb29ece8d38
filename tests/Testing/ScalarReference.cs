using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Testing;

/// <summary>
/// What one node should be, worked out element by element in float64 from its definition: index arithmetic, loops and the
/// platform's scalar mathematics, and none of the engine's kernels.
/// </summary>
public static class ScalarReference
{
    /// <summary>The elements of the node's value and how far a computed one may be off; null for an op that has no reference here.</summary>
    /// <param name="inputs">The elements of its inputs, as they were computed.</param>
    public static (double[] Values, double[] Bounds)? Of(Node node, double[][] inputs)
    {
        var name = node.Op!.Name;
        var epsilon = node.DataType == DataType.Float32 ? Math.Pow(2, -23) : node.DataType == DataType.Float64 ? Math.Pow(2, -52) : 0;
        var smallest = node.DataType == DataType.Float32 ? float.Epsilon : double.Epsilon;
        if (Elementwise(name, node.DataType) is { } function)
        {
            var (values, bounds) = (new double[node.Shape.ElementCount], new double[node.Shape.ElementCount]);
            var operands = new double[inputs.Length];
            for (long i = 0; i < values.Length; i++)
            {
                for (var j = 0; j < operands.Length; j++)
                    operands[j] = inputs[j][Broadcast(i, node.Shape, node.Inputs[j].Shape)];
                values[i] = function(operands);
                bounds[i] = Ulps(name) * ((epsilon * Math.Abs(Scale(name, operands, values[i]))) + smallest);
            }

            return (values, bounds);
        }

        if (Moved(node) is { } source)
        {
            var values = new double[node.Shape.ElementCount];
            for (long i = 0; i < values.Length; i++)
                values[i] = source(i, inputs);
            return (values, new double[values.Length]);
        }

        return Summed(node, inputs, epsilon, smallest);
    }

    /// <summary>Correctly rounded ops and moves have no bound beyond the rounding to the type; others so many units in the last place.</summary>
    private static double Ulps(string op) => op switch
    {
        "Add" or "Sub" or "Mul" or "Div" or "Reciprocal" or "Sqrt" => 0.51,
        "Exp" or "Log" or "Sigmoid" or "Tanh" or "Softplus" => 4,
        "Erf" => 64,
        "Power" => 4,
        "ExactGelu" or "GeluDerivative" => 8,
        _ => 0,
    };

    /// <summary>What the bound is a part of: the value, or where terms cancel in its reference, those.</summary>
    private static double Scale(string op, double[] x, double value) => op switch
    {
        "ExactGelu" => x[0],
        "GeluDerivative" => 1,
        _ => value,
    };

    private static Func<double[], double>? Elementwise(string op, DataType type) => op switch
    {
        "Add" => x => x[0] + x[1],
        "Sub" => x => x[0] - x[1],
        "Mul" => x => x[0] * x[1],
        "Div" => x => x[0] / x[1],
        "Neg" => x => -x[0],
        "Abs" => x => Math.Abs(x[0]),
        "Sign" => x => double.IsNaN(x[0]) ? double.NaN : Math.Sign(x[0]),
        "Reciprocal" => x => 1 / x[0],
        "Sqrt" => x => Math.Sqrt(x[0]),
        "Exp" => x => Math.Exp(x[0]),
        "Log" => x => Math.Log(x[0]),
        "Sigmoid" => x => x[0] >= 0 ? 1 / (1 + Math.Exp(-x[0])) : Math.Exp(x[0]) / (1 + Math.Exp(x[0])),
        "Tanh" => x => Math.Tanh(x[0]),
        "Softplus" => x => Math.Max(x[0], 0) + LogOnePlus(Math.Exp(-Math.Abs(x[0]))),
        "Power" => x => Math.Pow(x[0], x[1]),
        "Erf" => x => ErrorFunction(x[0]),
        "ExactGelu" => x => double.IsNegativeInfinity(x[0]) ? 0 : x[0] * 0.5 * (1 + ErrorFunction(x[0] * Math.Sqrt(0.5))),
        "GeluDerivative" => x => double.IsInfinity(x[0]) ? (x[0] > 0 ? 1 : 0) : (0.5 * (1 + ErrorFunction(x[0] * Math.Sqrt(0.5)))) + (x[0] * Math.Exp(-0.5 * x[0] * x[0]) / Math.Sqrt(2 * Math.PI)),
        "Relu" => x => x[0] > 0 || double.IsNaN(x[0]) ? x[0] : 0,
        "ReluGradient" => x => x[0] == 0 ? 0 : x[1],
        "Max" => x => x.Aggregate(Math.Max),
        "Min" => x => x.Aggregate(Math.Min),
        "Clamp" => x => Math.Min(Math.Max(x[0], x[1]), x[2]),
        "Where" => x => x[0] != 0 ? x[1] : x[2],
        "Equal" => x => x[0] == x[1] ? 1 : 0,
        "Less" => x => x[0] < x[1] ? 1 : 0,
        "Greater" => x => x[0] > x[1] ? 1 : 0,
        "Cast" => x => Converted(x[0], type),
        _ => null,
    };

    private static double Converted(double x, DataType type) => type switch
    {
        DataType.Float32 => (float)x,
        DataType.Int64 => double.IsNaN(x) ? 0 : Math.Truncate(x),
        DataType.Bool => x != 0 ? 1 : 0,
        _ => x,
    };

    /// <summary>ln(1 + x) for x in [0, 1], by the identity of Kahan that corrects the rounding of 1 + x.</summary>
    private static double LogOnePlus(double x)
    {
        var u = 1 + x;
        return u == 1 ? x : Math.Log(u) * x / (u - 1);
    }

    /// <summary>erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1 · 3 ⋯ (2n + 1)), whose terms have one sign (Abramowitz and Stegun 7.1.6).</summary>
    private static double ErrorFunction(double x)
    {
        if (!(Math.Abs(x) < 6.5))
            return double.IsNaN(x) ? x : Math.Sign(x);
        var (term, sum) = (x, 0.0);
        for (var n = 1; sum + term != sum; n++)
        {
            sum += term;
            term *= 2 * x * x / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    /// <summary>Where each element of an op that only moves them comes from.</summary>
    private static Func<long, double[][], double>? Moved(Node node)
    {
        var shape = node.Shape;
        var from = node.Inputs[0].Shape;
        var attributes = node.Attributes;
        switch (node.Op!.Name)
        {
            case "Identity" or "StopGradient" or "ReshapeView" or "CustomCallOutput":
                return (i, x) => x[0][i];
            case "ExpandView":
                return (i, x) => x[0][Broadcast(i, shape, from)];
            case "Transpose":
                var perm = attributes.Ints("perm") ?? [.. Enumerable.Range(0, from.Rank).Reverse().Select(d => (long)d)];
                return (i, x) =>
                {
                    var at = Position(i, shape);
                    var source = new long[at.Length];
                    for (var d = 0; d < at.Length; d++)
                        source[perm[d]] = at[d];
                    return x[0][Offset(source, from)];
                };
            case "SliceView":
                long[] starts = attributes.Ints("starts")!, steps = attributes.Ints("steps")!;
                return (i, x) => x[0][Offset([.. Position(i, shape).Select((p, d) => starts[d] + (p * steps[d]))], from)];
            case "SliceAdjoint":
                long[] firsts = attributes.Ints("starts")!, strides = attributes.Ints("steps")!;
                return (i, x) =>
                {
                    var at = Position(i, shape);
                    var source = new long[at.Length];
                    for (var d = 0; d < at.Length; d++)
                    {
                        source[d] = (at[d] - firsts[d]) / strides[d];
                        if ((at[d] - firsts[d]) % strides[d] != 0 || source[d] < 0 || source[d] >= from[d])
                            return 0;
                    }

                    return x[0][Offset(source, from)];
                };
            case "Concat":
                var axis = shape.Axis(attributes.Int("axis", 0));
                return (i, x) =>
                {
                    var at = Position(i, shape);
                    var input = 0;
                    while (at[axis] >= node.Inputs[input].Shape[axis])
                        at[axis] -= node.Inputs[input++].Shape[axis];
                    return x[input][Offset(at, node.Inputs[input].Shape)];
                };
            case "Gather":
                var along = from.Axis(attributes.Int("axis", 0));
                var indices = node.Inputs[1].Shape;
                return (i, x) =>
                {
                    var at = Position(i, shape);
                    var index = (long)x[1][Offset(at.AsSpan(along, indices.Rank), indices)];
                    return x[0][Offset([.. at.AsSpan(0, along), index < 0 ? index + from[along] : index, .. at.AsSpan(along + indices.Rank)], from)];
                };
            case "DroppedOut":
                return (i, x) => ScalarPhilox.Keeps(attributes.Int("seed", 0), (long)x[1][0], i, attributes.Float("ratio", 0)) ? x[0][i] * Rounded(1 / (1 - attributes.Float("ratio", 0)), node.DataType) : 0;
            case "DropoutMask":
                return (i, x) => ScalarPhilox.Keeps(attributes.Int("seed", 0), (long)x[1][0], i, attributes.Float("ratio", 0)) ? 1 : 0;
            case "PickColumn":
                return (i, x) => x[0][(i * from[1]) + (long)x[1][i]];
            case "PlaceColumn":
                return (i, x) => (long)x[1][i / shape[1]] == i % shape[1] ? x[0][i / shape[1]] : 0;
            default:
                return null;
        }
    }

    /// <summary>
    /// Reductions and products. A sum of n terms tᵢ in any order is within n · ε · Σ |tᵢ| of the exact one (Higham, Accuracy and
    /// Stability of Numerical Algorithms, §4.2).
    /// </summary>
    private static (double[] Values, double[] Bounds)? Summed(Node node, double[][] inputs, double epsilon, double smallest)
    {
        var count = node.Shape.ElementCount;
        var (values, bounds) = (new double[count], new double[count]);
        var x = inputs[0];
        var from = node.Inputs[0].Shape;
        switch (node.Op!.Name)
        {
            case "SumAxis" or "MaxAxis" or "MinAxis" or "LogSumExpAxis":
                for (long i = 0; i < count; i++)
                {
                    var (outer, inner) = (i / node.Shape[1], i % node.Shape[1]);
                    var terms = Enumerable.Range(0, (int)from[1]).Select(r => x[(((outer * from[1]) + r) * from[2]) + inner]).ToArray();
                    (values[i], bounds[i]) = Folded(node.Op.Name, terms, epsilon);
                }

                break;
            case "SoftmaxRows" or "LogSoftmaxRows":
                for (long row = 0; row < from[0]; row++)
                {
                    var terms = x.AsSpan((int)(row * from[1]), (int)from[1]).ToArray();
                    var (sum, bound) = Folded("LogSumExpAxis", terms, epsilon);

                    // Shifted by its largest, a row whose largest is infinite has ∞ − ∞ in it.
                    sum = double.IsFinite(sum) ? sum : double.NaN;
                    for (var c = 0; c < terms.Length; c++)
                    {
                        var i = (row * from[1]) + c;
                        var log = terms[c] - sum;
                        var off = bound + (4 * epsilon * (Math.Abs(log) + Math.Abs(terms[c]) + 1));
                        values[i] = node.Op.Name == "SoftmaxRows" ? Math.Exp(log) : log;
                        bounds[i] = (node.Op.Name == "SoftmaxRows" ? values[i] : 1) * off;
                    }
                }

                break;
            case "MatrixProduct":
                Product(node, inputs, epsilon, values, bounds);
                break;
            case "ScatterAdd":
                Scattered(node, inputs, epsilon, values, bounds);
                break;
            default:
                var largest = node.DataType == DataType.Float32 ? float.MaxValue : double.MaxValue;
                if ((ScalarRows.Of(node, inputs, epsilon, largest) ?? ScalarWindows.Of(node, inputs, epsilon, largest) ?? ScalarAttention.Of(node, inputs, epsilon, largest)) is not { } found)
                    return null;
                (values, bounds) = found;
                break;
        }

        for (var i = 0; i < bounds.Length; i++)
            bounds[i] += epsilon == 0 ? 0 : smallest + (epsilon * Math.Abs(values[i]));
        return (values, bounds);
    }

    private static (double Value, double Bound) Folded(string op, double[] terms, double epsilon)
    {
        switch (op)
        {
            case "MaxAxis":
                return (terms.Aggregate(Math.Max), 0);
            case "MinAxis":
                return (terms.Aggregate(Math.Min), 0);
            case "SumAxis":
                return (Exactly(terms), terms.Length * epsilon * terms.Sum(Math.Abs));
            default:
                var largest = terms.Length == 0 ? double.NegativeInfinity : terms.Aggregate(Math.Max);
                if (!double.IsFinite(largest))
                    return (largest, 0);
                return (largest + Math.Log(terms.Sum(t => Math.Exp(t - largest))), epsilon * (terms.Length + 8 + Math.Abs(largest) + terms.Max(Math.Abs)));
        }
    }

    private static void Product(Node node, double[][] inputs, double epsilon, double[] values, double[] bounds)
    {
        Shape a = node.Inputs[0].Shape, b = node.Inputs[1].Shape;
        var k = a[-1];
        for (long i = 0; i < values.Length; i++)
        {
            var at = Position(i, node.Shape);
            var terms = new double[k];
            for (long p = 0; p < k; p++)
                terms[p] = inputs[0][Aligned([.. at.AsSpan(0, at.Length - 1), p], a)] * inputs[1][Aligned([.. at.AsSpan(0, at.Length - 2), p, at[^1]], b)];
            values[i] = Exactly(terms);
            bounds[i] = (k + 1) * epsilon * terms.Sum(Math.Abs);
        }

        static long Aligned(long[] at, Shape shape)
        {
            var own = at[^shape.Rank..];
            for (var d = 0; d < own.Length - 2; d++)
                own[d] = shape[d] == 1 ? 0 : own[d];
            return Offset(own, shape);
        }
    }

    private static void Scattered(Node node, double[][] inputs, double epsilon, double[] values, double[] bounds)
    {
        var axis = (int)node.Attributes.Int("axis", 0);
        Shape updates = node.Inputs[0].Shape, indices = node.Inputs[1].Shape;
        var counts = new int[values.Length];
        for (long i = 0; i < inputs[0].Length; i++)
        {
            var at = Position(i, updates);
            var index = (long)inputs[1][Offset(at.AsSpan(axis, indices.Rank), indices)];
            var target = Offset([.. at.AsSpan(0, axis), index < 0 ? index + node.Shape[axis] : index, .. at.AsSpan(axis + indices.Rank)], node.Shape);
            values[target] += inputs[0][i];
            bounds[target] += Math.Abs(inputs[0][i]);
            counts[target]++;
        }

        for (var i = 0; i < values.Length; i++)
            bounds[i] *= counts[i] * epsilon;
    }

    /// <summary>A sum with the rounding errors of every addition added at the end (Neumaier); plain for what is not finite.</summary>
    private static double Exactly(double[] terms)
    {
        var (sum, lost) = (0.0, 0.0);
        foreach (var term in terms)
        {
            var next = sum + term;
            lost += Math.Abs(sum) >= Math.Abs(term) ? sum - next + term : term - next + sum;
            sum = next;
        }

        return double.IsFinite(sum + lost) ? sum + lost : terms.Sum();
    }

    private static double Rounded(double value, DataType type) => type == DataType.Float32 ? (float)value : value;

    private static long[] Position(long index, Shape shape)
    {
        var at = new long[shape.Rank];
        for (var d = shape.Rank - 1; d >= 0; d--)
            (index, at[d]) = (index / shape[d], index % shape[d]);
        return at;
    }

    private static long Offset(ReadOnlySpan<long> at, Shape shape)
    {
        long offset = 0;
        for (var d = 0; d < shape.Rank; d++)
            offset = (offset * shape[d]) + at[d];
        return offset;
    }

    private static long Broadcast(long index, Shape shape, Shape operand)
    {
        var at = Position(index, shape).AsSpan(shape.Rank - operand.Rank).ToArray();
        for (var d = 0; d < at.Length; d++)
            at[d] = operand[d] == 1 ? 0 : at[d];
        return Offset(at, operand);
    }
}
