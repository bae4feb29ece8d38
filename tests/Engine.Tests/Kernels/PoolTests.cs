using System.Numerics;
using Gradients.Engine.Kernels;
using Gradients.Engine.Kernels.Convolutions;

namespace Gradients.Engine.Tests.Kernels;

/// <summary>Positions of maxima against a scan of each window, with many ties, NaN and infinities.</summary>
public unsafe class PoolTests
{
    [Fact]
    public void Maxima_of_drawn_windows()
    {
        var random = new Random(3);
        for (var i = 0; i < 600; i++)
        {
            PoolShape shape = new(random.Next(1, 4), random.Next(3) == 0 ? WindowAxis.One : Draw(random, i), Draw(random, i));
            if (i % 2 == 0)
                Check<float>(shape, random);
            else
                Check<double>(shape, random);
        }
    }

    [Fact]
    public void Maxima_of_windows_too_large_for_tables()
    {
        var random = new Random(4);
        PoolShape shape = new(2, new(263, 260, 4, 1, 1, 0), new(260, 256, 3, 2, 1, 0));
        Check<float>(shape, random);
        Check<double>(shape, random);
    }

    private static WindowAxis Draw(Random random, int size)
    {
        while (true)
        {
            int kernel = random.Next(1, 5), dilation = random.Next(1, 4), front = random.Next(0, 4), behind = random.Next(0, 4), stride = random.Next(1, 4), input = random.Next(1, size % 50 == 0 ? 200 : 30);
            var room = input + front + behind - ((kernel - 1) * dilation) - 1;
            if (room >= 0)
                return new(input, kernel, (room / stride) + 1, stride, dilation, front);
        }
    }

    private static void Check<T>(PoolShape shape, Random random)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] values = [T.NegativeInfinity, T.NegativeInfinity, T.NaN, T.PositiveInfinity, .. Enumerable.Range(-4, 8).Select(T.CreateChecked)];
        var least = random.Next(2) == 0 ? 0 : random.Next(5);
        var x = Enumerable.Range(0, (int)(shape.Planes * shape.InputElements)).Select(_ => values[random.Next(least, least == 0 ? 3 : values.Length)]).ToArray();
        var kernel = new MaxPoolIndicesKernel<T>(shape);
        var actual = new long[shape.Planes * shape.OutputElements];
        var workspace = new T[(kernel.WorkspaceBytes / sizeof(T)) + 1];
        fixed (T* from = x, scratch = workspace)
        fixed (long* to = actual)
        {
            void* input = from;
            void* output = to;
            for (var unit = kernel.UnitCount - 1; unit >= 0; unit--)
                kernel.Run(new KernelArguments { Inputs = &input, Outputs = &output, Workspace = scratch }, unit);
        }

        for (var j = 0; j < actual.Length; j++)
        {
            var (plane, o) = (j / (int)shape.OutputElements, j % (int)shape.OutputElements);
            var at = -1;
            for (var k = 0; k < shape.Rows.Kernel * shape.Columns.Kernel; k++)
            {
                var y = (o / shape.Columns.Output * shape.Rows.Stride) + (k / shape.Columns.Kernel * shape.Rows.Dilation) - shape.Rows.Pad;
                var c = (o % shape.Columns.Output * shape.Columns.Stride) + (k % shape.Columns.Kernel * shape.Columns.Dilation) - shape.Columns.Pad;
                if (y < 0 || y >= shape.Rows.Input || c < 0 || c >= shape.Columns.Input)
                    continue;
                var position = (plane * (int)shape.InputElements) + (y * shape.Columns.Input) + c;
                if (at < 0 || (!T.IsNaN(x[at]) && (T.IsNaN(x[position]) || x[position] > x[at])))
                    at = position;
            }

            Assert.True(at == actual[j], $"{shape}, output {j}: {actual[j]} and not {at}");
        }
    }
}
