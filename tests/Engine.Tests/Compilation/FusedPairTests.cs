using System.Numerics;
using System.Runtime.Intrinsics;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

/// <summary>Two ops computed in one loop: every pair, against the two in scalar C#, which rounds after each.</summary>
public sealed class FusedPairTests : IDisposable
{
    private static readonly string[] Firsts = ["Add", "Sub", "Mul", "Div"];
    private static readonly string[] Seconds = ["Add", "Sub", "Mul", "Div", "Neg", "Abs", "Sqrt", "Sign", "Relu"];
    private static readonly int[] Lengths = [1, 7, 16, 67, 5000];

    private readonly ProgramRunner _r = new();

    public void Dispose() => _r.Dispose();

    [Fact]
    public void EveryPairOfFloat32RoundsTwice() => Check(x => (float)x, Scalar);

    [Fact]
    public void EveryPairOfFloat64RoundsTwice() => Check(x => x, Scalar);

    /// <summary>Where there are vector registers; Tanh is not short.</summary>
    [Fact]
    public void EveryPairOfShortFunctionsIsOneLoop()
    {
        var builder = new GraphBuilder();
        var (x, y) = (builder.Input(DataType.Float32, new Shape(5), 0), builder.Input(DataType.Float32, new Shape(5), 1));
        foreach (var first in Firsts)
        {
            var inner = builder.Add((ElementwiseOp)OpCatalog.Find(first)!, x, y);
            foreach (var second in Seconds)
            {
                var op = (ElementwiseOp)OpCatalog.Find(second)!;
                var pair = ((ElementwiseOp)inner.Op!).TileWith(inner, IsUnary(second) ? builder.Add(op, inner) : builder.Add(op, y, inner));
                Assert.Equal(Vector128.IsHardwareAccelerated, pair is not null);
            }

            Assert.Null(((ElementwiseOp)inner.Op!).TileWith(inner, builder.Add((ElementwiseOp)OpCatalog.Find("Tanh")!, inner)));
        }
    }

    private static bool IsUnary(string op) => op is "Neg" or "Abs" or "Sqrt" or "Sign" or "Relu";

    private void Check<T>(Func<double, T> of, Func<string, T, T, T> scalar)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var length in Lengths)
        {
            T[] a = Values(length, 1), b = Values(length, 2), c = Values(length, 3);
            ulong x = _r.Feed(new Shape(length), a), y = _r.Feed(new Shape(length), b), z = _r.Feed(new Shape(length), c);
            foreach (var first in Firsts)
            {
                foreach (var second in Seconds)
                {
                    ulong Inner() => _r.Specs.Op(first, x, y);
                    T In(int i) => scalar(first, a[i], b[i]);
                    if (IsUnary(second))
                    {
                        Compare($"{second}({first}(x, y))", _r.Specs.Op(second, Inner()), i => scalar(second, In(i), default));
                        continue;
                    }

                    Compare($"{second}({first}(x, y), z)", _r.Specs.Op(second, Inner(), z), i => scalar(second, In(i), c[i]));
                    Compare($"{second}(z, {first}(x, y))", _r.Specs.Op(second, z, Inner()), i => scalar(second, c[i], In(i)));
                    var inner = Inner();
                    Compare($"{second}(d, d) of d = {first}(x, y)", _r.Specs.Op(second, inner, inner), i => scalar(second, In(i), In(i)));
                }
            }

            void Compare(string what, ulong result, Func<int, T> expected)
            {
                var request = _r.Request([result]);
                var run = _r.Run(request)[0]!;
                Assert.True(_r.Interpret(request)[0]!.Bytes.SequenceEqual(run.Bytes), $"{what} of {length} has other bits than its two ops.");
                var actual = run.As<T>();
                for (var i = 0; i < length; i++)
                {
                    var e = expected(i);
                    Assert.True(T.IsNaN(e) ? T.IsNaN(actual[i]) : e == actual[i] && T.IsNegative(e) == T.IsNegative(actual[i]), $"{what} at {i} of {length}: {actual[i]}, not {e}.");
                }
            }
        }

        T[] Values(int count, int seed)
        {
            double[] special = [double.NaN, -double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0, -0.0, 1, -1];
            var random = new Random(seed);
            return [.. Enumerable.Range(0, count).Select(i => of(i % 4 == 3 ? special[random.Next(special.Length)] : (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 4))))];
        }
    }

    private static T Scalar<T>(string op, T x, T y)
        where T : unmanaged, IFloatingPointIeee754<T> => op switch
        {
            "Add" => x + y,
            "Sub" => x - y,
            "Mul" => x * y,
            "Div" => x / y,
            "Neg" => -x,
            "Abs" => T.Abs(x),
            "Sqrt" => T.Sqrt(x),
            "Sign" => T.IsNaN(x) || T.IsZero(x) ? x + T.Zero : T.CreateChecked(T.Sign(x)),
            _ => T.IsNaN(x) ? x : T.Max(x, T.Zero),
        };
}
