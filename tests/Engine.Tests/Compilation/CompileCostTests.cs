using System.Diagnostics;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

/// <summary>What a node costs to compile with its gradient does not depend on how many there are.</summary>
public sealed class CompileCostTests
{
    private const int Fewer = 5_000;
    private const int More = 50_000;

    [Fact]
    public void AChain() => AssertLinear((r, count) =>
    {
        ulong x = Vector(r, 1024), w = Vector(r, 1024), y = x;
        for (var i = 0; i < count; i++)
        {
            y = (i % 3) switch
            {
                0 => r.Specs.Op("Mul", y, w),
                1 => r.Specs.Op("Add", y, x),
                _ => r.Specs.Op("Tanh", y),
            };
        }

        return (y, [x, w]);
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

    private static ulong Vector(ProgramRunner runner, int count) => runner.Feed(new double[count]);

    /// <summary>Ten times as many nodes allocate at most 1.5 and take at most 6 times as much a node: a cost that grows with the square would take 10 times.</summary>
    private static void AssertLinear(Func<ProgramRunner, int, (ulong Y, ulong[] Wrt)> build)
    {
        Cost(build, Fewer);
        var fewer = Cost(build, Fewer);
        var more = Cost(build, More);
        var again = Cost(build, More);
        Assert.InRange(more.Bytes / fewer.Bytes, 0.5, 1.5);
        Assert.InRange(Math.Min(more.Time, again.Time) / fewer.Time, 0, 6);
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
