using System.Runtime.Intrinsics;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

/// <summary>Chains whose operands are broadcast in every way a tile can read them, against scalar C#.</summary>
public sealed class BroadcastChainTests : IDisposable
{
    private readonly ProgramRunner _r = new();

    public void Dispose() => _r.Dispose();

    /// <summary>
    /// Rows from two elements to more than a register holds; from part of a tile to several units, some of which begin within a row
    /// of whole cache lines.
    /// </summary>
    [Theory]
    [InlineData(3, 2)]
    [InlineData(1, 5)]
    [InlineData(5000, 7)]
    [InlineData(32, 10)]
    [InlineData(900, 64)]
    [InlineData(131, 500)]
    [InlineData(2, 256)]
    [InlineData(300, 272)]
    [InlineData(77, 1024)]
    [InlineData(70, 1025)]
    [InlineData(3, 5000)]
    public void ARepeatedRow(int rows, int columns)
    {
        float[] x = Values(rows * columns, 1), row = Values(columns, 2), column = Values(rows, 3);
        ulong a = _r.Feed(new Shape(rows, columns), x), b = _r.Feed(new Shape(columns), row), c = _r.Feed(new Shape(rows, 1), column);
        var s = _r.Feed(Shape.Scalar, 0.7f);
        Check(_r.Specs.Op("Relu", _r.Specs.Op("Add", a, b)), (i, j) => Math.Max(0, x[(i * columns) + j] + row[j]));
        Check(_r.Specs.Op("Add", a, b), (i, j) => x[(i * columns) + j] + row[j], rows == 1 || columns > 1024 || (columns >= 256 && columns % 16 == 0) ? columns : 0);
        Check(_r.Specs.Op("Sub", a, c), (i, j) => x[(i * columns) + j] - column[i]);
        Check(_r.Specs.Op("Sub", c, a), (i, j) => column[i] - x[(i * columns) + j]);
        Check(_r.Specs.Op("Sub", a, s), (i, j) => x[(i * columns) + j] - 0.7f, Vector128.IsHardwareAccelerated ? rows * columns : 0);
        Check(_r.Specs.Op("Sub", s, a), (i, j) => 0.7f - x[(i * columns) + j], Vector128.IsHardwareAccelerated ? rows * columns : 0);
        Check(_r.Specs.Op("Sub", b, a), (i, j) => row[j] - x[(i * columns) + j]);
        Check(_r.Specs.Op("Add", _r.Specs.Op("Mul", b, a), b), (i, j) => (row[j] * x[(i * columns) + j]) + row[j]);
        Check(_r.Specs.Op("Mul", _r.Specs.Op("Add", a, b), c), (i, j) => (x[(i * columns) + j] + row[j]) * column[i]);
        Check(_r.Specs.Op("Mul", b, c), (i, j) => row[j] * column[i]);

        void Check(ulong node, Func<int, int, float> expected, int? inPlace = null)
        {
            var request = _r.Request([node]);
            var program = _r.Compile(request);
            if (inPlace is { } length)
                Assert.Equal(length, ((FusedKernel)Assert.Single(program.Forward.Instructions).Kernel).InPlace);
            var actual = _r.Run(request, program)[0]!.As<float>();
            for (var i = 0; i < rows; i++)
            {
                for (var j = 0; j < columns; j++)
                    Assert.Equal(expected(i, j), actual[(i * columns) + j]);
            }
        }
    }

    /// <summary>Of two NaNs the same one comes out as without a plan, whichever operand is broadcast.</summary>
    [Theory]
    [InlineData(1, 7)]
    [InlineData(3, 67)]
    [InlineData(2, 256)]
    [InlineData(9, 600)]
    public void NaNsOfBroadcastOperands(int rows, int columns)
    {
        Check(BitConverter.Int32BitsToSingle(0x7FC00001), BitConverter.Int32BitsToSingle(unchecked((int)0xFFC00002)));
        Check(BitConverter.Int64BitsToDouble(0x7FF8000000000001), BitConverter.Int64BitsToDouble(unchecked((long)0xFFF8000000000002)));

        void Check<T>(T one, T other)
            where T : unmanaged
        {
            var x = _r.Feed(new Shape(rows, columns), Enumerable.Repeat(one, rows * columns).ToArray());
            foreach (var shape in (Shape[])[Shape.Scalar, new Shape(rows, 1), new Shape(columns)])
            {
                var broadcast = _r.Feed(shape, Enumerable.Repeat(other, (int)shape.ElementCount).ToArray());
                foreach (var op in (string[])["Add", "Mul", "Sub", "Div"])
                {
                    ulong first = _r.Specs.Op(op, x, broadcast), second = _r.Specs.Op(op, broadcast, x);
                    foreach (var node in (ulong[])[first, second, _r.Specs.Op("Abs", first), _r.Specs.Op("Relu", second)])
                    {
                        var request = _r.Request([node]);
                        Assert.Equal(_r.Interpret(request)[0]!.Bytes.ToArray(), _r.Run(request)[0]!.Bytes.ToArray());
                    }
                }
            }
        }
    }

    [Fact]
    public void ARepeatedRowOfWiderElements()
    {
        const int Rows = 130, Columns = 520;
        double[] x = Array.ConvertAll(Values(Rows * Columns, 7), v => (double)v), row = Array.ConvertAll(Values(Columns, 8), v => (double)v);
        long[] n = Array.ConvertAll(x, v => (long)(v * 1e6)), step = Array.ConvertAll(row, v => (long)(v * 1e6));
        ulong a = _r.Feed(new Shape(Rows, Columns), x), b = _r.Feed(new Shape(Columns), row), c = _r.Feed(new Shape(Rows, Columns), n), d = _r.Feed(new Shape(Columns), step);
        Assert.Equal(x.Select((v, i) => v * row[i % Columns]), _r.Run(_r.Request([_r.Specs.Op("Mul", a, b)]))[0]!.As<double>().ToArray());
        Assert.Equal(n.Select((v, i) => step[i % Columns] - v), _r.Run(_r.Request([_r.Specs.Op("Sub", d, c)]))[0]!.As<long>().ToArray());
    }

    [Fact]
    public void ARepeatedRowOverTheOtherOperand()
    {
        const int Rows = 40, Columns = 512;
        float[] x = Values(Rows * Columns, 9), row = Values(Columns, 10);
        ulong a = _r.Feed(new Shape(Rows, Columns), x), b = _r.Feed(new Shape(Columns), row);
        _r.Overwrites = true;
        Assert.Equal(x.Select((v, i) => v - row[i % Columns]), _r.Run(_r.Request([_r.Specs.Op("Sub", a, b)]))[0]!.As<float>().ToArray());
        Assert.Equal(1, _r.OverwrittenCount);
    }

    /// <summary>A bias on the blocks of a product, some of which begin within the row. Small integers: every sum is exact.</summary>
    [Theory]
    [InlineData(200, 40, 1024)]
    [InlineData(300, 700, 1024)]
    [InlineData(33, 900, 768)]
    [InlineData(500, 16, 272)]
    public void ABiasBehindAProduct(int rows, int depth, int columns)
    {
        float[] x = Integers(rows * depth, 11), w = Integers(depth * columns, 12), bias = Integers(columns, 13);
        ulong a = _r.Feed(new Shape(rows, depth), x), b = _r.Feed(new Shape(depth, columns), w), c = _r.Feed(new Shape(columns), bias);
        var request = _r.Request([_r.Specs.Op("Relu", _r.Specs.Op("Add", _r.Specs.Op("MatMul", a, b), c))]);
        var program = _r.Compile(request);
        Assert.IsType<EpilogueKernel>(Assert.Single(program.Forward.Instructions).Kernel);
        var actual = _r.Run(request, program)[0]!.As<float>();
        var expected = new float[columns];
        for (var i = 0; i < rows; i++)
        {
            bias.CopyTo(expected, 0);
            for (var k = 0; k < depth; k++)
            {
                for (var j = 0; j < columns; j++)
                    expected[j] += x[(i * depth) + k] * w[(k * columns) + j];
            }

            for (var j = 0; j < columns; j++)
                Assert.Equal(Math.Max(0, expected[j]), actual[(i * columns) + j]);
        }
    }

    /// <summary>Two operands of different periods, one of them over two dimensions, and one of another element type.</summary>
    [Fact]
    public void OperandsOfSeveralPeriods()
    {
        const int Outer = 500, Middle = 6, Inner = 11;
        double[] x = Array.ConvertAll(Values(Outer * Middle * Inner, 4), v => (double)v), plane = Array.ConvertAll(Values(Middle * Inner, 5), v => (double)v), row = Array.ConvertAll(Values(Inner, 6), v => (double)v);
        long[] marks = [.. Enumerable.Range(0, Inner).Select(i => (long)(i % 2))];
        ulong a = _r.Feed(new Shape(Outer, Middle, Inner), x), b = _r.Feed(new Shape(Middle, Inner), plane), c = _r.Feed(new Shape(1, Inner), row), m = _r.Feed(new Shape(Inner), marks);
        var sum = _r.Specs.Op("Mul", _r.Specs.Op("Add", a, b), c);
        var isMarked = _r.Specs.Op("Equal", m, _r.Specs.Constant(Shape.Scalar, 1L));
        var actual = _r.Run(_r.Request([_r.Specs.Op("Where", isMarked, sum, a)]))[0]!.As<double>();
        for (var i = 0; i < x.Length; i++)
        {
            var j = i % Inner;
            Assert.Equal(marks[j] == 1 ? (x[i] + plane[i % (Middle * Inner)]) * row[j] : x[i], actual[i]);
        }
    }

    private static float[] Integers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-4, 5))];
    }

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 4) - 2))];
    }
}
