using System.Numerics;

namespace Gradients.Testing;

/// <summary>Philox 4×32-10 in integers of unlimited size, from the definition of its paper.</summary>
internal static class ScalarPhilox
{
    /// <summary>Whether the number of element <paramref name="index"/> is at least the ratio.</summary>
    public static bool Keeps(long seed, long step, long index, double ratio)
    {
        BigInteger word = uint.MaxValue;
        BigInteger[] counter = [(index / 4) & word, (index / 4) >> 32, step & word, (step >> 32) & word];
        BigInteger[] key = [seed & word, (seed >> 32) & word];
        for (var round = 0; round < 10; round++)
        {
            BigInteger first = counter[0] * 0xD2511F53, second = counter[2] * 0xCD9E8D57;
            counter = [(second >> 32) ^ counter[1] ^ key[0], second & word, (first >> 32) ^ counter[3] ^ key[1], first & word];
            key = [(key[0] + 0x9E3779B9) & word, (key[1] + 0xBB67AE85) & word];
        }

        return counter[index % 4] >= new BigInteger(Math.Round(ratio * 4294967296.0));
    }
}
