using System.Globalization;
using System.IO.Compression;

namespace Gradients.Cli.Demo.Digits;

/// <summary>Handwritten digits: 64 grey levels each, scaled to 0..1, row by row, and the label 0..9.</summary>
internal sealed class DigitSet(float[] pixels, long[] labels)
{
    public const int PixelCount = 64;

    private const float Darkest = 16;

    public int Count => Labels.Length;

    public float[] Pixels { get; } = pixels;

    public long[] Labels { get; } = labels;

    /// <summary>All 1,797, in the order of the file.</summary>
    public static DigitSet Load()
    {
        using var stream = typeof(DigitSet).Assembly.GetManifestResourceStream("digits.csv.gz")
            ?? throw new InvalidOperationException("The digits are not part of the assembly.");
        using var reader = new StreamReader(new GZipStream(stream, CompressionMode.Decompress));
        var pixels = new List<float>();
        var labels = new List<long>();
        while (reader.ReadLine() is { } line)
        {
            var numbers = Array.ConvertAll(line.Split(','), n => int.Parse(n, CultureInfo.InvariantCulture));
            pixels.AddRange(numbers[..PixelCount].Select(n => n / Darkest));
            labels.Add(numbers[PixelCount]);
        }

        return new DigitSet([.. pixels], [.. labels]);
    }

    /// <summary>Rows whose index mod 5 is not 4 to train on, the others to test on.</summary>
    public (DigitSet Training, DigitSet Test) Split() =>
        (Take([.. Enumerable.Range(0, Count).Where(i => i % 5 != 4)]), Take([.. Enumerable.Range(0, Count).Where(i => i % 5 == 4)]));

    public DigitSet Shuffled(Random random)
    {
        var order = Enumerable.Range(0, Count).ToArray();
        random.Shuffle(order);
        return Take(order);
    }

    public DigitSet Slice(int start, int count) => new(Pixels[(start * PixelCount)..((start + count) * PixelCount)], Labels[start..(start + count)]);

    private DigitSet Take(int[] rows) =>
        new([.. rows.SelectMany(r => new ArraySegment<float>(Pixels, r * PixelCount, PixelCount))], Array.ConvertAll(rows, r => Labels[r]));
}
