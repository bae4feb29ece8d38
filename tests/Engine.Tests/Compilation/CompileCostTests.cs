using System.Diagnostics;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

/// <summary>What a node costs to compile with its gradient does not depend on how many there are. Run alone: no other test makes garbage meanwhile.</summary>
[CollectionDefinition(nameof(CompileCostTests), DisableParallelization = true)]
[Collection(nameof(CompileCostTests))]
public sealed class CompileCostTests
{
    private const int Fewer = 4_000;
    private const int More = 80_000;

    [Fact]
    public void AChain() => AssertLinear(Chain);

    /// <summary>Fresh memory is what a long compilation waits for: its bytes bound its time, and they do not vary from run to run.</summary>
    [Fact]
    public void ANodeOfAChainTakesLittleMemory()
    {
        Cost(Chain, 2_000);
        var few = Cost(Chain, 2_000).Bytes;
        var many = Cost(Chain, 20_000).Bytes;
        Assert.InRange(many, 0, 1_500);
        Assert.InRange(many / few, 0, 1.3);
    }

    [Fact]
    public void ManyViewsOfOneValue() => AssertLinear((r, count) =>
    {
        // They differ in their attributes alone.
        ulong x = Vector(r, count), sum = x;
        for (var i = 0; i < count / 5; i++)
            sum = r.Specs.Op("Add", sum, r.Specs.Op("Slice", x, r.Specs.Constant(new Shape(1), (long)i), r.Specs.Constant(new Shape(1), (long)i + 1)));
        return (sum, []);
    });

    [Fact]
    public void ReductionsAndBroadcasts() => AssertLinear((r, count) =>
    {
        ulong x = Vector(r, 64), y = x;
        for (var i = 0; i < count / 5; i++)
            y = r.Specs.Op("Mul", x, r.Specs.Op("ReduceMean", y));
        return (y, [x]);
    });

    [Fact]
    public void GradientsInsideTheGraph() => AssertLinear((r, count) =>
    {
        // Descent, unrolled: each gradient reaches back only to the step before.
        ulong x = Vector(r, 64), y = x;
        for (var i = 0; i < count / 10; i++)
        {
            var loss = r.Specs.Op("ReduceSum", r.Specs.Op("Tanh", y));
            y = r.Specs.Op("Sub", y, r.Specs.Add("Gradient", Attributes.Of(("roots", 1L), ("wrt", 1L)), loss, y));
        }

        return (y, []);
    });

    [Fact]
    public void GradientsOfManyLossesForOneParameter() => AssertLinear((r, count) =>
    {
        ulong w = Vector(r, 64), sum = w;
        for (var i = 0; i < count / 10; i++)
        {
            var loss = r.Specs.Op("ReduceSum", r.Specs.Op("Tanh", r.Specs.Op("Mul", w, r.Specs.Constant(Shape.Scalar, (double)i))));
            sum = r.Specs.Op("Add", sum, r.Specs.Add("Gradient", Attributes.Of(("roots", 1L), ("wrt", 1L)), loss, w));
        }

        return (sum, []);
    });

    private static (ulong Y, ulong[] Wrt) Chain(ProgramRunner runner, int count)
    {
        ulong x = Vector(runner, 1024), w = Vector(runner, 1024), y = x;
        for (var i = 0; i < count; i++)
        {
            y = (i % 3) switch
            {
                0 => runner.Specs.Op("Mul", y, w),
                1 => runner.Specs.Op("Add", y, x),
                _ => runner.Specs.Op("Tanh", y),
            };
        }

        return (y, [x, w]);
    }

    private static ulong Vector(ProgramRunner runner, int count) => runner.Feed(new double[count]);

    /// <summary>
    /// Twenty times as many nodes allocate at most 1.5 and take at most 12 times as much a node: the fewer stay in the caches, but a
    /// cost that grows with the square would take 20 times.
    /// </summary>
    private static void AssertLinear(Func<ProgramRunner, int, (ulong Y, ulong[] Wrt)> build)
    {
        Cost(build, Fewer);
        var fewer = Cost(build, Fewer);
        var more = Cost(build, More);
        var again = Cost(build, More);
        Assert.InRange(more.Bytes / fewer.Bytes, 0.5, 1.5);
        Assert.InRange(Math.Min(more.Time, again.Time) / fewer.Time, 0, 12);
    }

    /// <summary>Bytes allocated and time taken, for each node.</summary>
    private static (double Bytes, double Time) Cost(Func<ProgramRunner, int, (ulong Y, ulong[] Wrt)> build, int count)
    {
        using var runner = new ProgramRunner();
        var (y, wrt) = build(runner, count);
        var request = runner.Request([y], wrt.Length == 0 ? [] : [runner.Specs.Op("ReduceSum", y)], wrt);
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var began = Stopwatch.GetTimestamp();
        runner.Compile(request);
        var time = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        return ((double)(GC.GetAllocatedBytesForCurrentThread() - bytes) / count, time / count);
    }
}
