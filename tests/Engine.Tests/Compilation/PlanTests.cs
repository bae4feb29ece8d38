using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

public sealed class PlanTests : IDisposable
{
    private static readonly Attributes NoKeep = Attributes.Of(("keepdims", 0L));

    private readonly ProgramRunner _r = new();

    public void Dispose() => _r.Dispose();

    [Fact]
    public void NodesThatNothingAsksForAreNotThere()
    {
        var x = _r.Feed(1, 2, 3);
        var y = _r.Specs.Op("Exp", x);
        _r.Specs.Op("Softmax", _r.Specs.Op("Tanh", y));
        Assert.Equal([["Exp"]], Ops([y]));
    }

    [Fact]
    public void ChainsOfElementwiseOpsAreOneInstruction()
    {
        var x = _r.Feed(Enumerable.Range(0, 5000).Select(i => i / 5000.0).ToArray());
        var y = x;
        for (var i = 0; i < 5; i++)
            y = _r.Specs.Op("Tanh", _r.Specs.Op("Mul", _r.Specs.Op("Add", y, x), Scalar(0.5)));
        Assert.Single(Ops([y]));
        Assert.Equal(15, Ops([y]).Single().Length);
        Assert.Equal(15, Ops([y], fusion: false).Count);

        // A reduction is not part of the chain; what stands in front and behind is one each.
        var z = _r.Specs.Op("Exp", _r.Specs.Op("Neg", _r.Specs.Add("ReduceSum", NoKeep, y)));
        Assert.Equal([15, 1, 2], Ops([z]).Select(i => i.Length));
    }

    [Fact]
    public void TheValueOfAChainThatIsFetchedLeavesIt()
    {
        var x = _r.Feed(0, 1, 4);
        var a = _r.Specs.Op("Sqrt", x);
        var b = _r.Specs.Op("Neg", a);
        var c = _r.Specs.Op("Add", a, b);
        Assert.Single(Ops([b, a, c]));
        Assert.Equal([[0, -1, -2], [0, 1, 2], [0, 0, 0]], _r.Values([b, a, c]));
    }

    [Fact]
    public void ShapeArithmeticDisappears()
    {
        var x = _r.Feed(new Shape(2, 3), 1.0, 2, 3, 4, 5, 6);
        var shape = _r.Specs.Op("Shape", x);
        var rows = _r.Specs.Op("Gather", shape, Ints(0));
        var target = _r.Specs.Add("Concat", Attributes.Of(("axis", 0L)), _r.Specs.Op("Mul", rows, Ints(3)), Ints(1));
        var y = _r.Specs.Op("Neg", _r.Specs.Op("Reshape", x, target));
        Assert.Equal([["Neg"]], Ops([y]));
        var (type, result) = Single(y);
        Assert.Equal("float64[6, 1]", type);
        Assert.Equal([-1, -2, -3, -4, -5, -6], result);
    }

    [Fact]
    public void ConstantsFold()
    {
        var y = _r.Specs.Op("Add", _r.Specs.Op("Exp", Scalar(0)), Scalar(2));
        Assert.Equal([["Copy"]], Ops([y]));
        Assert.Equal([3], _r.Value(y));
    }

    [Fact]
    public void OutputsThatAreInputsConstantsDuplicatesOrViewsAreRowMajorBuffersOfTheirOwn()
    {
        var x = _r.Feed(new Shape(2, 3), 1.0, 2, 3, 4, 5, 6);
        var c = Scalar(7);
        var t = _r.Specs.Op("Transpose", x);
        var e = _r.Specs.Op("Exp", x);
        var et = _r.Specs.Op("Transpose", e);
        var flat = _r.Specs.Op("Reshape", e, Ints(-1));
        var backwards = _r.Specs.Op("Slice", x, Ints(-1), Ints(-100), Ints(1), Ints(-2));
        var wide = _r.Specs.Op("Expand", _r.Specs.Op("Slice", x, Ints(1), Ints(2), Ints(1)), Ints(2, 2));
        double[] exp = [.. Enumerable.Range(1, 6).Select(i => Math.Exp(i))];
        var values = _r.Values([x, x, c, t, flat, e, et, e, backwards, wide]);
        Assert.Equal([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [7], [1, 4, 2, 5, 3, 6]], values[..4]);
        Assert.Equal([[3, 1, 6, 4], [2, 2, 5, 5]], values[8..]);
        foreach (var i in (int[])[4, 5, 7])
            Assert.All(exp.Zip(values[i]!), p => Assert.Equal(p.First, p.Second, 1e-12 * p.First));
        Assert.Equal([values[5]![0], values[5]![3], values[5]![1], values[5]![4], values[5]![2], values[5]![5]], values[6]!);
    }

    [Fact]
    public void TheGradientOfAnIdentityIsTheCotangentInABufferOfItsOwn()
    {
        var x = _r.Feed(1, 2);
        var y = _r.Specs.Op("Identity", x);
        var request = _r.Request([y], [y, y], [x, x, y], cotangents: true);
        ConstantData g = ConstantData.Of<double>(new Shape(2), [10, 20]), h = ConstantData.Of<double>(new Shape(2), [1, 2]);
        foreach (var split in new[] { false, true })
        {
            request.Split = split;
            Assert.Equal([[1, 2], [11, 22], [11, 22], [11, 22]], _r.Run(request, g, h).Select(c => c!.As<double>().ToArray()));
        }
    }

    [Fact]
    public void ZeroSizeTensorsAndScalars()
    {
        var none = _r.Feed<double>(new Shape(0, 3));
        var x = _r.Feed(Shape.Scalar, 2.0);
        var sum = _r.Specs.Add("ReduceSum", NoKeep, _r.Specs.Op("Mul", _r.Specs.Op("Exp", none), x));
        var z = _r.Specs.Op("Add", sum, _r.Specs.Op("Mul", x, x));
        Assert.Equal([[4], [], [], [4]], _r.Values([z, _r.Specs.Op("Transpose", none)], [z], [none, x]));
    }

    [Fact]
    public void LargeConstantsAreInputsAndNotInTheKey()
    {
        // 512 bytes are the limit.
        byte[] Key(int count, double value, out int inputs)
        {
            using var runner = new ProgramRunner();
            var c = runner.Specs.Constant(new Shape(count), Enumerable.Repeat(value, count).ToArray());
            var request = runner.Request([runner.Specs.Op("Neg", c)]);
            var program = runner.Compile(request);
            inputs = program.Forward.Inputs.Count;
            Assert.Equal(Enumerable.Repeat(-value, count), runner.Run(request, program)[0]!.As<double>().ToArray());
            return runner.Key(request);
        }

        Assert.Equal(Key(65, 1, out var large), Key(65, 2, out _));
        Assert.NotEqual(Key(64, 1, out var small), Key(64, 2, out _));
        Assert.Equal((1, 0), (large, small));
    }

    [Fact]
    public void ResidualsAreWhatBackwardReadsAndNothingElse()
    {
        // d exp(tanh(x)) needs both outputs; d(x + x) needs nothing.
        var x = _r.Feed(0.1, 0.2);
        var request = _r.Request([], [_r.Specs.Op("Exp", _r.Specs.Op("Tanh", _r.Specs.Op("Add", x, x)))], [x], cotangents: true);
        request.Split = true;
        Assert.Equal(2, _r.Compile(request).Residuals.Length);
        request = _r.Request([], [_r.Specs.Op("Sub", _r.Specs.Op("Add", x, x), x)], [x], cotangents: true);
        request.Split = true;
        Assert.Empty(_r.Compile(request).Residuals);
    }

    [Fact]
    public void ManyGapsOfManySizesArePlacedInLessThanQuadraticTime()
    {
        // Every second block is given back, and none of those gaps fits the next, larger one.
        var arena = new ArenaPlan();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (long i = 1; i <= 100_000; i++)
        {
            var gap = arena.Take(64 * i);
            arena.Take(64);
            arena.Give(gap, 64 * i);
            Assert.True(arena.ArenaBytes >= arena.PeakLiveBytes);
        }

        Assert.True(watch.Elapsed.TotalSeconds < 5, $"{watch.Elapsed}");
    }

    [Fact]
    public void AChainIsWrittenOverTheValueThatItReadsLast()
    {
        const int Count = 4096;
        var x = _r.Feed(Enumerable.Range(0, Count).Select(i => (i - 2000) / 1000.0).ToArray());
        var y = x;
        for (var i = 0; i < 1000; i++)
            y = _r.Specs.Op(i % 2 == 0 ? "Tanh" : "Neg", y);
        var request = _r.Request([y]);
        var plan = _r.Compile(request).Forward;
        Assert.True(plan.Instructions.Count > 10);
        var workspace = plan.Instructions.Max(i => i.Kernel.WorkspaceBytes);
        Assert.Equal(plan.PeakLiveBytes, plan.ArenaBytes);
        Assert.InRange(plan.ArenaBytes, Count * sizeof(double), (Count * sizeof(double)) + workspace + 64);
        Assert.Equal(_r.Interpret(request)[0], _r.Run(request)[0]);
    }

    [Fact]
    public void AValueThatIsReadAgainIsNotOverwritten()
    {
        // The first sum splits the chain; tanh and its negative are read behind it, too.
        var x = _r.Feed(Enumerable.Range(0, 512).Select(i => i / 512.0).ToArray());
        var t = _r.Specs.Op("Tanh", x);
        var sum = _r.Specs.Add("ReduceSum", NoKeep, t);
        var scaled = _r.Specs.Op("Mul", t, sum);
        var again = _r.Specs.Add("ReduceSum", NoKeep, scaled);
        var y = _r.Specs.Op("Add", _r.Specs.Op("Mul", scaled, again), t);
        var request = _r.Request([y, _r.Specs.Op("Transpose", scaled)], [_r.Specs.Add("ReduceSum", NoKeep, y)], [x]);
        Assert.Equal(_r.Interpret(request), _r.Run(request));
    }

    private ulong Scalar(double value) => _r.Specs.Constant(Shape.Scalar, value);

    private ulong Ints(params long[] values) => _r.Specs.Constant(new Shape(values.Length), values);

    private (string Type, double[] Values) Single(ulong value)
    {
        var result = _r.Run(_r.Request([value]))[0]!;
        return (new NodeType(result.DataType, result.Shape).ToString(), result.As<double>().ToArray());
    }

    private List<string[]> Ops(ulong[] fetches, bool fusion = true)
    {
        var request = _r.Request(fetches);
        request.Fusion = fusion;
        return [.. _r.Compile(request).Forward.Instructions.Select(i => i.Nodes.Select(n => n.Op).ToArray())];
    }
}
