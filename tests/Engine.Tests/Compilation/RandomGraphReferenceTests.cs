using CsCheck;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Compilation;

/// <summary>Random graphs against arithmetic that shares nothing with the engine's kernels, and their gradients against differences.</summary>
public sealed class RandomGraphReferenceTests(ITestOutputHelper output)
{
    private const uint Graphs = 1300;

    /// <summary>Values up to it and slopes as steep leave 1e-6 of rounding in float64 where they cancel, a tenth of what is tolerated.</summary>
    private const double Large = 1e10;

    /// <summary>The seed of this run's own graphs, beside the fixed ones.</summary>
    private static readonly uint Fresh = (uint)Environment.TickCount;

    /// <summary>Every node of forward and gradient: exact where the op is a move or correctly rounded, else within its bound.</summary>
    [Fact]
    public void EveryNodeIsWithinItsBoundOfTheScalarReference()
    {
        output.WriteLine($"fresh seed {Fresh}");
        var (uses, without) = (new Dictionary<string, int>(), new HashSet<string>());
        for (uint i = 0; i < Graphs; i++)
        {
            var seed = i < Graphs * 3 / 4 ? 12345 : Fresh;
            using var runner = new ProgramRunner();
            var graph = new RandomGraphs(runner, RandomGraphs.Steps.Generate(new PCG(i, seed), null, out _));
            foreach (var spec in runner.Specs.Nodes)
                uses[spec.Op] = uses.GetValueOrDefault(spec.Op) + 1;
            var root = graph.Values[^1];
            var request = runner.Request([.. graph.Values.TakeLast(6)], [root], [.. graph.Inputs], cotangents: true);
            runner.Interpret(request, [Ones(graph.Type, graph.ShapeOf(root))], (node, inputs, value) =>
            {
                if (!AssertNode(node, inputs, value, $"graph {i} of seed {seed}"))
                    without.Add(node.Op!.Name);
            });
        }

        Assert.Empty(without);
        var rare = OpCatalog.All.Where(o => o.Kind is not (OpKind.Structural or OpKind.Callout) && uses.GetValueOrDefault(o.Name) < 100).Select(o => $"{o.Name} {uses.GetValueOrDefault(o.Name)}");
        Assert.True(!rare.Any(), $"Used less than 100 times: {string.Join(", ", rare)}");
    }

    /// <summary>A gradient is the slope along a direction, wherever two steps of differences agree about it.</summary>
    [Fact]
    public void GradientsAreTheSlopesOfDifferences()
    {
        output.WriteLine($"fresh seed {Fresh}");
        var sharp = 0;
        for (uint i = 0; i < 300; i++)
        {
            var seed = i < 200 ? 999 : Fresh;
            var steps = RandomGraphs.Steps.Generate(new PCG(i, seed), null, out _);
            steps[0] = steps[0] with { K = steps[0].K / 2 * 2 };

            // Differences see through what stops gradients.
            steps = Array.ConvertAll(steps, s => s.Op == RandomGraphs.StopGradient ? s with { Op = 0 } : s);
            using var runner = new ProgramRunner();
            var graph = new RandomGraphs(runner, steps);
            Assert.Equal(DataType.Float64, graph.Type);
            var root = graph.Values[^1];
            ConstantData[] cotangent = [Ones(DataType.Float64, graph.ShapeOf(root))];
            var at = graph.Inputs.ToDictionary(id => id, id => runner.Feeds[id]);
            var gradients = runner.Interpret(runner.Request([], [root], [.. graph.Inputs], cotangents: true), cotangent);
            var direction = graph.Inputs.ToDictionary(id => id, id => Enumerable.Range(0, (int)at[id].Shape.ElementCount).Select(e => Math.Cos((e * 1.7) + id)).ToArray());
            var slope = graph.Inputs.Select((id, j) => gradients[j] is { } g ? g.As<double>().ToArray().Zip(direction[id], (a, b) => a * b).Sum() : 0).Sum();
            if (runner.Interpret(runner.Request([.. graph.Values])).Any(value => value!.As<double>().ToArray().Any(x => Math.Abs(x) > Large && double.IsFinite(x))))
                continue;
            var (wide, narrow, scale) = (Difference(1e-4), Difference(5e-5), 0.0);
            if (!double.IsFinite(slope) || !double.IsFinite(wide) || !double.IsFinite(narrow) || Math.Abs(slope) > 1e6)
                continue;
            scale = Math.Max(1, Math.Abs(slope));
            var agreement = Math.Abs(wide - narrow);
            if (agreement > 1e-5 * scale)
                continue;

            // At a kink the two sides have other slopes however small the step; along a curve their difference shrinks with it.
            var (wideGap, narrowGap) = (Gap(1e-4), Gap(5e-5));
            if (narrowGap > 1e-6 * scale && narrowGap > 0.75 * wideGap)
                continue;
            sharp++;
            Assert.True(Math.Abs(narrow - slope) <= (1e-5 * scale) + (4 * agreement), $"graph {i} of seed {seed}: gradient {slope:R}, difference {narrow:R}");

            double Gap(double h) => Math.Abs((Sum(h) - Sum(0)) + (Sum(-h) - Sum(0))) / h;

            double Difference(double h) => (Sum(h) - Sum(-h)) / (2 * h);

            double Sum(double h)
            {
                foreach (var id in graph.Inputs)
                    runner.Feeds[id] = ConstantData.Of<double>(at[id].Shape, at[id].As<double>().ToArray().Zip(direction[id], (x, d) => x + (h * d)).ToArray());
                return runner.Interpret(runner.Request([root]))[0]!.As<double>().ToArray().Sum();
            }
        }

        output.WriteLine($"{sharp} of 300 graphs have slopes that differences agree about.");
        Assert.True(sharp > 120, $"{sharp}");
    }

    /// <returns>Whether there is a reference.</returns>
    private static bool AssertNode(Node node, ConstantData[] inputs, ConstantData value, string where)
    {
        if (ScalarReference.Of(node, Array.ConvertAll(inputs, Doubles)) is not var (expected, bounds))
            return false;
        var actual = Doubles(value);
        for (var i = 0; i < actual.Length; i++)
        {
            var rounded = node.DataType == DataType.Float32 ? (float)expected[i] : expected[i];
            if (actual[i].Equals(rounded) || actual[i] == rounded || Math.Abs(actual[i] - expected[i]) <= bounds[i] || double.IsPositiveInfinity(bounds[i]))
                continue;
            Assert.Fail($"{where}, {node} of {string.Join(", ", node.Inputs.Select(n => n.Type))}, element {i}: {actual[i]:R} and not {expected[i]:R} within {bounds[i]:R}; first inputs there {string.Join(", ", inputs.Where(d => d.Shape.ElementCount == actual.Length).Select(d => Doubles(d)[i].ToString("R")))}");
        }

        return true;
    }

    private static ConstantData Ones(DataType type, Shape shape)
    {
        var ones = Enumerable.Repeat(1.0, (int)shape.ElementCount).ToArray();
        return type == DataType.Float64 ? ConstantData.Of<double>(shape, ones) : ConstantData.Of<float>(shape, Array.ConvertAll(ones, e => (float)e));
    }

    private static double[] Doubles(ConstantData data) => data.DataType switch
    {
        DataType.Float32 => Array.ConvertAll(data.As<float>().ToArray(), x => (double)x),
        DataType.Float64 => data.As<double>().ToArray(),
        DataType.Int64 => Array.ConvertAll(data.As<long>().ToArray(), x => (double)x),
        _ => Array.ConvertAll(data.Bytes.ToArray(), x => (double)x),
    };
}
