using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>
/// The instruction-set level that the kernels run at. Results are reproducible bit for bit within one level,
/// so it is part of a plan's identity.
/// </summary>
public static class IsaLevel
{
    /// <summary><c>avx512</c> (512-bit registers), <c>avx2</c> (256), <c>vector128</c> (128) or <c>scalar</c>.</summary>
    public static string Name =>
        Vector512.IsHardwareAccelerated ? "avx512"
        : Vector256.IsHardwareAccelerated ? "avx2"
        : Vector128.IsHardwareAccelerated ? "vector128"
        : "scalar";

    /// <summary>float32 of a register.</summary>
    internal static int Lanes =>
        Vector512.IsHardwareAccelerated ? 16
        : Vector256.IsHardwareAccelerated ? 8
        : Vector128.IsHardwareAccelerated ? 4
        : 1;

    /// <summary>
    /// Whether the processor computes on the halves of 512-bit registers one after the other, as Zen 4 does. Conversions to float64
    /// then take longer than two of 256 bits.
    /// </summary>
    internal static bool IsSplit { get; } = Vector512.IsHardwareAccelerated && X86Base.IsSupported && IsZen4();

    private static bool IsZen4()
    {
        const int Amd = 0x68747541, Family = 0x19;
        int signature = X86Base.CpuId(1, 0).Eax;
        return X86Base.CpuId(0, 0).Ebx == Amd && ((signature >> 8) & 0xF) + ((signature >> 20) & 0xFF) == Family;
    }
}
