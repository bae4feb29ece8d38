using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Testing;

/// <summary>
/// Attention and its gradient from whole rows of scores. An error δ of the scores is a relative error 2δ of the probabilities, to
/// which rounding adds that of sums over the keys; what they multiply adds its own.
/// </summary>
internal static class ScalarAttention
{
    public static (double[] Values, double[] Bounds)? Of(Node node, double[][] inputs, double epsilon, double largest)
    {
        var isForward = node.Op!.Name == "AttentionForward";
        if (!isForward && node.Op.Name != "AttentionGradient")
            return null;
        Shape q = node.Inputs[0].Shape, v = node.Inputs[2].Shape;
        int heads = (int)(q[0] * q[1]), queries = (int)q[2], keys = (int)v[2], width = (int)q[3], valueWidth = (int)v[3];
        var (values, bounds) = (new double[node.Shape.ElementCount], new double[node.Shape.ElementCount]);
        if (inputs.Any(x => x.Any(e => !double.IsFinite(e) || Math.Abs(e) > Math.Sqrt(Math.Sqrt(largest)) / 16)))
        {
            Array.Fill(bounds, double.PositiveInfinity);
            return (values, bounds);
        }

        var scale = node.Attributes.Float("scale", 1);
        var isCausal = node.Attributes.Int("is_causal", 0) != 0;
        var maskInput = isForward ? 3 : 5;
        if (node.Inputs.Length > maskInput)
            return null;
        for (var head = 0; head < heads; head++)
        {
            double[] Row(int input, int rows, int i, int size) => inputs[input].AsSpan(((head * rows) + i) * size, size).ToArray();
            for (var i = 0; i < queries; i++)
            {
                var query = Row(0, queries, i, width);
                var seen = isCausal ? Math.Min(keys, i + 1) : keys;
                var (scores, off) = (new double[seen], 0.0);
                for (var j = 0; j < seen; j++)
                {
                    var terms = query.Zip(Row(1, keys, j, width), (a, b) => scale * a * b).ToArray();
                    scores[j] = terms.Sum();
                    off = Math.Max(off, (width + 4) * epsilon * terms.Sum(Math.Abs));
                }

                var top = scores.DefaultIfEmpty(double.NegativeInfinity).Max();
                var sum = scores.Sum(s => Math.Exp(s - top));
                var p = scores.Select(s => Math.Exp(s - top) / sum).ToArray();
                var log = seen == 0 ? double.NegativeInfinity : top + Math.Log(sum);
                var relative = off > 0.01 ? double.PositiveInfinity : (4 * off) + ((seen + 40 + (4 * Math.Abs(top))) * epsilon);
                var y = new double[valueWidth];
                var size = new double[valueWidth];
                for (var j = 0; j < seen; j++)
                {
                    var value = Row(2, keys, j, valueWidth);
                    for (var e = 0; e < valueWidth; e++)
                    {
                        y[e] += p[j] * value[e];
                        size[e] += p[j] * Math.Abs(value[e]);
                    }
                }

                if (isForward)
                {
                    for (var e = 0; e < valueWidth; e++)
                        Put((((head * queries) + i) * valueWidth) + e, y[e], relative * size[e]);
                    Put((heads * queries * valueWidth) + (head * queries) + i, log, seen == 0 ? 0 : relative);
                    continue;
                }

                var g = Row(3, queries, i, valueWidth);
                double delta = g.Zip(y, (a, b) => a * b).Sum(), deltaOff = g.Zip(size, (a, b) => Math.Abs(a) * b).Sum() * (relative + ((valueWidth + 4) * epsilon));
                for (var j = 0; j < seen; j++)
                {
                    var products = g.Zip(Row(2, keys, j, valueWidth), (a, b) => a * b).ToArray();
                    double dp = products.Sum(), dpOff = (valueWidth + 4) * epsilon * products.Sum(Math.Abs);
                    var ds = scale * p[j] * (dp - delta);
                    var dsOff = Math.Abs(scale) * p[j] * ((relative * (Math.Abs(dp) + Math.Abs(delta))) + dpOff + deltaOff);
                    var key = Row(1, keys, j, width);
                    for (var d = 0; d < width; d++)
                    {
                        Put((((head * queries) + i) * width) + d, ds * key[d], ((dsOff + ((queries + keys + 4) * epsilon * Math.Abs(ds))) * Math.Abs(key[d])) + double.Epsilon);
                        Put((heads * queries * width) + (((head * keys) + j) * width) + d, ds * query[d], (dsOff + ((queries + keys + 4) * epsilon * Math.Abs(ds))) * Math.Abs(query[d]));
                    }

                    for (var e = 0; e < valueWidth; e++)
                        Put((heads * (queries + keys) * width) + (((head * keys) + j) * valueWidth) + e, p[j] * g[e], (relative + ((queries + 4) * epsilon)) * p[j] * Math.Abs(g[e]));
                }
            }
        }

        // Terms may underflow in float32.
        return (values, [.. bounds.Select(b => b + (1e3 * (largest < 1e39 ? float.Epsilon : double.Epsilon) * Math.Sqrt(largest)))]);

        void Put(long at, double value, double bound)
        {
            values[at] += value;
            bounds[at] += double.IsNaN(bound) ? double.PositiveInfinity : bound;
        }
    }
}
