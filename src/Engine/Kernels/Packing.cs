using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Copies a few lines of a matrix side by side, in the order in which a micro-kernel reads them.</summary>
internal static unsafe class Packing
{
    /// <summary>Rows between the one that is copied and the one that is fetched.</summary>
    private const int RowsAhead = 8;

    /// <summary>panel[p · width + i] = source[i · line + p · step] for i below <paramref name="lines"/>, and 0 up to width.</summary>
    public static void Panel<T>(T* source, long line, long step, int lines, int depth, int width, T* panel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (lines < width)
            new Span<T>(panel, width * depth).Clear();
        if (line == 1)
            Rows(source, step, lines, depth, width, panel);
        else if (step == 1)
            Transposition.Run(source, line, lines, depth, width, panel);
        else
            Elements(source, line, step, lines, depth, width, panel);
    }

    /// <summary>So many panels of one width from columns side by side, row by row of the source: panel n begins at n · width · depth.</summary>
    public static void Panels<T>(T* source, long step, int panels, int depth, int width, T* target)
        where T : unmanaged
    {
        long next = (long)width * depth;
        for (int p = 0; p < depth; p++, source += step, target += width)
        {
            if (p < depth - RowsAhead)
                Prefetch.First(source + (RowsAhead * step), (long)panels * width * sizeof(T));
            for (int n = 0; n < panels; n++)
                Copy((byte*)(source + (n * width)), (byte*)(target + (n * next)), (uint)(width * sizeof(T)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(byte* source, byte* target, uint bytes)
    {
        uint at = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; at + 64 <= bytes; at += 64)
                Vector512.Store(Vector512.Load(source + at), target + at);
        }

        for (; at + 32 <= bytes; at += 32)
            Vector256.Store(Vector256.Load(source + at), target + at);
        if (at < bytes)
            Unsafe.CopyBlockUnaligned(target + at, source + at, bytes - at);
    }

    private static void Rows<T>(T* source, long step, int lines, int depth, int width, T* panel)
        where T : unmanaged
    {
        for (int p = 0; p < depth; p++, source += step, panel += width)
            Copy((byte*)source, (byte*)panel, (uint)(lines * sizeof(T)));
    }

    private static void Elements<T>(T* source, long line, long step, int lines, int depth, int width, T* panel)
        where T : unmanaged
    {
        for (int i = 0; i < lines; i++, source += line, panel++)
        {
            for (int p = 0; p < depth; p++)
                panel[(long)p * width] = source[p * step];
        }
    }
}
