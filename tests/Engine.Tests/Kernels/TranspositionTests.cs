using Gradients.Engine.Kernels;
using Gradients.Engine.Kernels.Convolutions;

namespace Gradients.Engine.Tests.Kernels;

public sealed unsafe class TranspositionTests
{
    private const int Guard = 64;

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 40, 5)]
    [InlineData(4, 4, 4)]
    [InlineData(11, 37, 11)]
    [InlineData(12, 256, 12)]
    [InlineData(16, 16, 32)]
    [InlineData(17, 16, 17)]
    [InlineData(20, 15, 32)]
    [InlineData(29, 3, 32)]
    [InlineData(32, 50, 32)]
    public void LinesBecomeColumnsAndNothingElseIsWritten(int lines, int depth, int width)
    {
        Check<float>(lines, depth, width);
        Check<double>(lines, depth, width);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(8, 2)]
    [InlineData(9, 2)]
    [InlineData(14, 2)]
    [InlineData(16, 2)]
    [InlineData(17, 2)]
    [InlineData(28, 2)]
    [InlineData(33, 3)]
    public void AStridedRowKeepsWhatLiesBetweenItsElements(int count, int stride)
    {
        float[] dense = [.. Enumerable.Range(1, count)], spread = new float[((count - 1) * stride) + 1 + Guard], back = new float[count + Guard];
        Array.Fill(spread, -1);
        Array.Fill(back, -1);
        fixed (float* from = dense, middle = spread, to = back)
        {
            StridedRow.Scatter(from, middle, stride, count);
            StridedRow.Gather(middle, stride, to, count);
        }

        for (var i = 0; i < spread.Length; i++)
            Assert.Equal(i % stride == 0 && i / stride < count ? dense[i / stride] : -1, spread[i]);
        for (var i = 0; i < back.Length; i++)
            Assert.Equal(i < count ? dense[i] : -1, back[i]);
    }

    private static void Check<T>(int lines, int depth, int width)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        int stride = depth + 3;
        T[] source = [.. Enumerable.Range(0, lines * stride).Select(i => T.CreateChecked(i))], target = new T[(width * depth) + Guard];
        Array.Fill(target, -T.One);
        fixed (T* from = source, to = target)
            Transposition.Run(from, stride, lines, depth, width, to);
        for (var i = 0; i < target.Length; i++)
        {
            var (p, line) = Math.DivRem(i, width);
            Assert.Equal(p < depth && line < lines ? source[(line * stride) + p] : -T.One, target[i]);
        }
    }
}
