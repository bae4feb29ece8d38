using System.Runtime.Intrinsics;
using Gradients.Engine.Compilation;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

/// <summary>Chains over more memory than caches hold, whose results go past them, against scalar C#.</summary>
public sealed class StreamedChainTests : IDisposable
{
    private const int Rows = 3001;

    /// <summary>Few rows begin at a cache line.</summary>
    private const int Columns = 1401;

    private const int Count = Rows * Columns;

    private readonly ProgramRunner _r = new();
    private readonly float[] _x = Values(1);
    private readonly float[] _y = Values(2);

    public void Dispose() => _r.Dispose();

    [Fact]
    public void OfOneTwoAndThreeOperands()
    {
        var z = Values(3);
        ulong x = Feed(_x), y = Feed(_y);
        Check(_r.Specs.Op("Neg", x), i => -_x[i]);
        Check(_r.Specs.Op("Add", x, y), i => _x[i] + _y[i]);
        Check(_r.Specs.Op("Relu", _r.Specs.Op("Sub", x, y)), i => Math.Max(0, _x[i] - _y[i]), ofTwoOps: true);
        Check(_r.Specs.Op("Add", _r.Specs.Op("Mul", x, y), Feed(z)), i => (_x[i] * _y[i]) + z[i], ofTwoOps: true);
    }

    /// <summary>Functions with a loop of their own, against the same loop through the caches.</summary>
    [Fact]
    public void OfTheirOwnLoops()
    {
        var x = Feed(_x);
        float[] exp = new float[Count], sigmoid = new float[Count];
        WholeVectors.Map<ExpFunction, float>(_x, exp);
        WholeVectors.Map<SigmoidFunction, float>(_x, sigmoid);
        Check(_r.Specs.Op("Exp", x), i => exp[i]);
        Check(_r.Specs.Op("Sigmoid", x), i => sigmoid[i]);
    }

    [Fact]
    public void OfBroadcastRows()
    {
        var row = Values(4)[..Columns];
        var r = _r.Feed(new Shape(Columns), row);
        Check(_r.Specs.Op("Relu", _r.Specs.Op("Add", Feed(_x), r)), i => Math.Max(0, _x[i] + row[i % Columns]), ofTwoOps: true);
    }

    [Fact]
    public void OfRepeatedRows()
    {
        const int Width = 512;
        var row = Values(5)[..Width];
        ulong x = _r.Feed(new Shape(Count / Width, Width), _x[..(Count / Width * Width)]), r = _r.Feed(new Shape(Width), row);
        Check(_r.Specs.Op("Sub", r, x), i => row[i % Width] - _x[i]);
    }

    [Fact]
    public void OfColumnsAndScalars()
    {
        ulong x = Feed(_x), column = _r.Feed(new Shape(Rows, 1), _y[..Rows]), scalar = _r.Feed(Shape.Scalar, 0.7f);
        Check(_r.Specs.Op("Sub", x, column), i => _x[i] - _y[i / Columns]);
        Check(_r.Specs.Op("Sub", scalar, x), i => 0.7f - _x[i]);
    }

    [Fact]
    public void OfWiderElements()
    {
        double[] x = Array.ConvertAll(_x, v => (double)v), y = Array.ConvertAll(_y, v => (double)v);
        long[] n = Array.ConvertAll(_x, v => (long)(v * 1e6f));
        ulong a = Feed(x), b = Feed(n);
        Check(_r.Specs.Op("Mul", a, Feed(y)), i => x[i] * y[i]);
        Check(_r.Specs.Op("Sub", b, b), _ => 0L);
    }

    [Fact]
    public void OverTheirInput()
    {
        _r.Overwrites = true;
        Check(_r.Specs.Op("Add", Feed(_x), Feed(_y)), i => _x[i] + _y[i]);
        Assert.Equal(1, _r.OverwrittenCount);
    }

    private ulong Feed<T>(T[] elements) where T : unmanaged => _r.Feed(new Shape(Rows, Columns), elements);

    /// <param name="ofTwoOps">They are one step only where there are registers of several elements.</param>
    private void Check<T>(ulong node, Func<int, T> expected, bool ofTwoOps = false)
        where T : unmanaged
    {
        var request = _r.Request([node]);
        var program = _r.Compile(request);
        Assert.Equal(!ofTwoOps || Vector128.IsHardwareAccelerated, ((FusedKernel)Assert.Single(program.Forward.Instructions).Kernel).Streams);
        var actual = _r.Run(request, program)[0]!.As<T>();
        Assert.InRange(actual.Length, Count - 512, Count);
        for (var i = 0; i < actual.Length; i++)
        {
            if (!expected(i).Equals(actual[i]))
                Assert.Fail($"Element {i}: {expected(i)} expected, {actual[i]} computed.");
        }
    }

    private static float[] Values(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Count).Select(_ => (random.NextSingle() - 0.5f) * 4)];
    }
}
