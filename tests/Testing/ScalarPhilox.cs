using System.Numerics;

namespace Gradients.Testing;

/// <summary>Philox 4×32-10 in integers of unlimited size, from the definition of its paper.</summary>
public static class ScalarPhilox
{
    private static readonly BigInteger Word = uint.MaxValue;

    /// <summary>Whether the number of element <paramref name="index"/> is at least the ratio.</summary>
    internal static bool Keeps(long seed, long step, long index, double ratio) =>
        Block(index / 4, step, seed)[(int)(index % 4)] >= new BigInteger(Math.Round(ratio * 4294967296.0));

    /// <summary>The four words of the counter (block, stream) under the key, each of 64 bits with the low word first.</summary>
    public static BigInteger[] Block(BigInteger block, BigInteger stream, BigInteger seed)
    {
        BigInteger[] counter = [block & Word, (block >> 32) & Word, stream & Word, (stream >> 32) & Word];
        BigInteger[] key = [seed & Word, (seed >> 32) & Word];
        for (var round = 0; round < 10; round++)
        {
            BigInteger first = counter[0] * 0xD2511F53, second = counter[2] * 0xCD9E8D57;
            counter = [(second >> 32) ^ counter[1] ^ key[0], second & Word, (first >> 32) ^ counter[3] ^ key[1], first & Word];
            key = [(key[0] + 0x9E3779B9) & Word, (key[1] + 0xBB67AE85) & Word];
        }

        return counter;
    }
}
