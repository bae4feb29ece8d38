using System.Runtime.InteropServices;

namespace Gradients.Engine.Tensors;

/// <summary>
/// Native memory whose large blocks the kernel is asked to map by pages of 2 MiB: a product of large matrices touches more
/// pages of 4 KiB than the translation buffer holds. Advice only, on Linux only; without it everything works, slower.
/// </summary>
internal static unsafe partial class HugePages
{
    private const int PageBytes = 2 << 20;
    private const int AdviseHugePages = 14;

    /// <summary>From here on the alignment costs little of the address space.</summary>
    private const long LargeBytes = 2 * PageBytes;

    /// <summary>A block for <see cref="NativeMemory.AlignedFree"/>.</summary>
    /// <exception cref="OutOfMemoryException">The system refuses.</exception>
    public static byte* Allocate(long bytes, int alignment)
    {
        if (bytes < LargeBytes || !OperatingSystem.IsLinux())
            return (byte*)NativeMemory.AlignedAlloc((nuint)bytes, (nuint)alignment);
        var block = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, PageBytes);

        // Whole pages only: what lies behind the block is not ours.
        _ = Advise(block, (nuint)(bytes / PageBytes * PageBytes), AdviseHugePages);
        return block;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
