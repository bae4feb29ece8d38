namespace Gradients.Engine.Kernels;

/// <summary>Constants of the encodings of float32 and float64.</summary>
internal static class FloatBits
{
    public const int SingleDigits = 23;
    public const int SingleBias = 127;
    public const int SingleOne = 0x3F80_0000;
    public const int SingleMask = 0x007F_FFFF;

    /// <summary>√½ rounded up: significands of [√½, √2) lie above it.</summary>
    public const int SingleRootHalf = 0x3F35_04F3;

    /// <summary>1.5 · 2^23: adding and subtracting it rounds to an integer, and leaves the integer in the low bits.</summary>
    public const float SingleRounder = 12582912;
    public const int SingleRounderBits = 0x4B40_0000;

    /// <summary>How far a power of two goes beyond the normal numbers where it is taken in two parts, and the second part.</summary>
    public const int SingleReach = 64;
    public const double SinglePart = 18446744073709551616d;

    public const int DoubleDigits = 52;
    public const long DoubleBias = 1023;
    public const long DoubleOne = 0x3FF0_0000_0000_0000;
    public const long DoubleMask = 0x000F_FFFF_FFFF_FFFF;
    public const long DoubleRootHalf = 0x3FE6_A09E_0000_0000;

    /// <summary>1.5 · 2^52.</summary>
    public const double DoubleRounder = 6755399441055744;
    public const long DoubleRounderBits = 0x4338_0000_0000_0000;

    public const int DoubleReach = 192;
    public const double DoublePart = SinglePart * SinglePart * SinglePart;
}
