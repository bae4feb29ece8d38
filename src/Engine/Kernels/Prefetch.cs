using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>Asks for memory that is needed soon: no hardware foresees a step to another page. Nothing where there is no instruction for it.</summary>
internal static unsafe class Prefetch
{
    private const int CacheLine = 64;

    /// <summary>So many bytes to the first-level cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void First(void* start, long bytes)
    {
        if (!Sse.IsSupported)
            return;
        for (long at = 0; at < bytes; at += CacheLine)
            Sse.Prefetch0((byte*)start + at);
    }

    /// <summary>So many bytes to the second-level cache, which waits for more of them at once than the first.</summary>
    public static void Second(void* start, long bytes)
    {
        if (!Sse.IsSupported)
            return;
        for (long at = 0; at < bytes; at += CacheLine)
            Sse.Prefetch1((byte*)start + at);
    }
}
