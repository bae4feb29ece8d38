using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

public unsafe class PhiloxTests
{
    /// <summary>The known answers of Random123's kat_vectors for philox4x32, 10 rounds.</summary>
    [Theory]
    [InlineData(0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void TheKnownAnswersAreGiven(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3)
    {
        Assert.Equal((w0, w1, w2, w3), Philox.Block(c0, c1, c2, c3, k0, k1));
        uint* words = stackalloc uint[4 * 21];
        Philox.Fill(words, 21, c0 | ((ulong)c1 << 32), c2 | ((ulong)c3 << 32), k0 | ((ulong)k1 << 32));
        Assert.Equal((w0, w1, w2, w3), (words[0], words[1], words[2], words[3]));
    }

    [Fact]
    public void AStreamCanBeComputedInAnyParts()
    {
        const int Blocks = 37;
        ulong first = uint.MaxValue - 5UL, stream = 0x1_2345_6789, seed = 0xFEDC_BA98_7654_3210;
        uint* whole = stackalloc uint[4 * Blocks];
        uint* part = stackalloc uint[4 * Blocks];
        Philox.Fill(whole, Blocks, first, stream, seed);
        for (int i = 0; i < Blocks; i++)
        {
            ulong counter = first + (ulong)i;
            Assert.Equal(Philox.Block((uint)counter, (uint)(counter >> 32), (uint)stream, (uint)(stream >> 32), (uint)seed, (uint)(seed >> 32)), (whole[4 * i], whole[(4 * i) + 1], whole[(4 * i) + 2], whole[(4 * i) + 3]));
            Philox.Fill(part, Blocks - i, counter, stream, seed);
            Assert.True(new ReadOnlySpan<uint>(whole + (4 * i), 4 * (Blocks - i)).SequenceEqual(new ReadOnlySpan<uint>(part, 4 * (Blocks - i))));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void TheShareOfDroppedElementsIsTheRatio(double ratio)
    {
        const int Count = 1_000_003;
        var dropout = new Dropout(42, ratio);
        float[] x = [.. Enumerable.Repeat(1f, Count)], y = new float[Count];
        double[] wide = [.. Enumerable.Repeat(1.0, Count)];
        var mask = new byte[Count];
        fixed (float* px = x, py = y)
        fixed (double* pw = wide)
        fixed (byte* pm = mask)
        {
            dropout.Run(px, py, 0, Count, 7);
            dropout.Run(pw, pw, 0, Count, 7);
            dropout.Mask(pm, 0, Count, 7);
        }

        int dropped = y.Count(v => v == 0);
        // Five standard deviations of a binomial distribution.
        Assert.InRange(dropped, (ratio * Count) - (5 * Math.Sqrt(Count * ratio * (1 - ratio))), (ratio * Count) + (5 * Math.Sqrt(Count * ratio * (1 - ratio))));
        for (int i = 0; i < Count; i++)
        {
            Assert.Equal(mask[i] == 0 ? 0 : (float)(1 / (1 - ratio)), y[i]);
            Assert.Equal(mask[i] == 0 ? 0 : 1 / (1 - ratio), wide[i]);
        }
    }

    [Fact]
    public void DroppedNumbersAreZeroWhateverTheyWere()
    {
        float[] x = [.. Enumerable.Range(0, 1000).Select(i => i % 3 == 0 ? float.NaN : i % 3 == 1 ? float.NegativeInfinity : 2)], y = new float[1000];
        fixed (float* px = x, py = y)
            new Dropout(1, 0.5).Run(px, py, 0, 1000, 0);
        Assert.InRange(y.Count(v => v == 0 && !float.IsNegative(v)), 400, 600);
        Assert.InRange(y.Count(float.IsNaN), 100, 250);
    }
}
