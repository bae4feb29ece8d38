using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>Asks for memory that is needed soon: no hardware foresees a step to another page. Nothing where there is no instruction for it.</summary>
internal static unsafe class Prefetch
{
    /// <summary>Where the hardware stops to follow a stream.</summary>
    public const int Page = 4096;

    public const int CacheLine = 64;

    /// <summary>How far ahead of a loop its pages are asked for: memory takes longer to answer than a loop to read one.</summary>
    private const int PagesAhead = 3;

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

    /// <summary>The first line of a range that will be read in order, and of each page that it goes on to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pages(void* start, long bytes)
    {
        if (!Sse.IsSupported)
            return;
        byte* end = (byte*)start + bytes;
        for (byte* line = (byte*)start; line < end; line = NextPage(line))
            Sse.Prefetch1(line);
    }

    /// <summary>
    /// For a loop that reads memory in order and is about to read so many bytes: asks for the first line of each of as many pages that
    /// come a few pages later. The hardware itself follows a stream to the end of its page and waits at the next. A loop with
    /// registers of 256 bits asks for nothing: on Zen 3 it would lose a fifth by it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NextPages(void* position, long bytes)
    {
        if (!Sse.IsSupported || !Vector512.IsHardwareAccelerated)
            return;
        byte* start = (byte*)position + (PagesAhead * Page);
        for (byte* page = NextPage(start - 1); page < start + bytes; page += Page)
            Sse.Prefetch1(page);
    }

    private static byte* NextPage(byte* address) => (byte*)(((nuint)address / Page * Page) + Page);
}
