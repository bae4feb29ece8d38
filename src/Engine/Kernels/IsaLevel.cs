using System.Runtime.Intrinsics;

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
}
