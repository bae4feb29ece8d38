using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>Copies a few lines of a matrix side by side, in the order in which a micro-kernel reads them.</summary>
internal static unsafe class Packing
{
    /// <summary>panel[p · width + i] = source[i · line + p · step] for i below <paramref name="lines"/>, and 0 up to width.</summary>
    public static void Panel<T>(T* source, long line, long step, int lines, int depth, int width, T* panel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (lines < width)
            new Span<T>(panel, width * depth).Clear();
        if (line == 1)
            Rows(source, step, lines, depth, width, panel);
        else if (step == 1 && Vector128.IsHardwareAccelerated)
            Turn(source, line, lines, depth, width, panel);
        else
            Elements(source, line, step, 0, lines, 0, depth, width, panel);
    }

    /// <summary>So many panels of one width from columns side by side, row by row of the source: panel n begins at n · width · depth.</summary>
    public static void Panels<T>(T* source, long step, int panels, int depth, int width, T* target)
        where T : unmanaged
    {
        long next = (long)width * depth;
        for (int p = 0; p < depth; p++, source += step, target += width)
        {
            for (int n = 0; n < panels; n++)
                Copy((byte*)(source + (n * width)), (byte*)(target + (n * next)), (uint)(width * sizeof(T)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(byte* source, byte* target, uint bytes)
    {
        if (bytes % 64 != 0 || !Vector512.IsHardwareAccelerated)
        {
            Unsafe.CopyBlockUnaligned(target, source, bytes);
            return;
        }

        for (uint at = 0; at < bytes; at += 64)
            Vector512.Store(Vector512.Load(source + at), target + at);
    }

    private static void Rows<T>(T* source, long step, int lines, int depth, int width, T* panel)
        where T : unmanaged
    {
        for (int p = 0; p < depth; p++, source += step, panel += width)
            Copy((byte*)source, (byte*)panel, (uint)(lines * sizeof(T)));
    }

    /// <summary>target[p · width + i] = source[i · line + p]: squares of 16 bytes by as many lines are turned in registers.</summary>
    public static void Turn<T>(T* source, long line, int lines, int depth, int width, T* target)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int side = 16 / sizeof(T);
        int whole = lines / side * side, deep = depth / side * side;
        for (int i = 0; i < whole; i += side)
        {
            byte* from = (byte*)(source + (i * line)), to = (byte*)(target + i);
            for (int p = 0; p < deep; p += side, from += 16, to += 16 * width)
            {
                if (sizeof(T) == 4)
                    Turn4(from, line * sizeof(T), to, (long)width * sizeof(T));
                else
                    Turn2(from, line * sizeof(T), to, (long)width * sizeof(T));
            }
        }

        Elements(source, line, 1, 0, whole, deep, depth, width, target);
        Elements(source, line, 1, whole, lines, 0, depth, width, target);
    }

    private static void Elements<T>(T* source, long line, long step, int first, int end, int from, int depth, int width, T* panel)
        where T : unmanaged
    {
        for (int i = first; i < end; i++)
        {
            T* element = source + (i * line) + (from * step);
            T* to = panel + i + ((long)from * width);
            for (int p = from; p < depth; p++, element += step, to += width)
                *to = *element;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn4(byte* from, long line, byte* to, long width)
    {
        var a = Vector128.Load((float*)from);
        var b = Vector128.Load((float*)(from + line));
        var c = Vector128.Load((float*)(from + (2 * line)));
        var d = Vector128.Load((float*)(from + (3 * line)));

        // a0 b0 a1 b1 beside c0 d0 c1 d1, and so for the upper halves; then pairs.
        var abLow = Low(a, b).AsDouble();
        var abHigh = High(a, b).AsDouble();
        var cdLow = Low(c, d).AsDouble();
        var cdHigh = High(c, d).AsDouble();
        Vector128.Store(Low(abLow, cdLow), (double*)to);
        Vector128.Store(High(abLow, cdLow), (double*)(to + width));
        Vector128.Store(Low(abHigh, cdHigh), (double*)(to + (2 * width)));
        Vector128.Store(High(abHigh, cdHigh), (double*)(to + (3 * width)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn2(byte* from, long line, byte* to, long width)
    {
        var a = Vector128.Load((double*)from);
        var b = Vector128.Load((double*)(from + line));
        Vector128.Store(Low(a, b), (double*)to);
        Vector128.Store(High(a, b), (double*)(to + width));
    }

    /// <summary>x0 y0 x1 y1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackLow(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(x, y)
        : Vector128.Create(x[0], y[0], x[1], y[1]);

    /// <summary>x2 y2 x3 y3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackHigh(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(x, y)
        : Vector128.Create(x[2], y[2], x[3], y[3]);

    /// <summary>x0 y0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> Low(Vector128<double> x, Vector128<double> y) =>
        Sse2.IsSupported ? Sse2.UnpackLow(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(x, y)
        : Vector128.Create(x[0], y[0]);

    /// <summary>x1 y1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> High(Vector128<double> x, Vector128<double> y) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(x, y)
        : Vector128.Create(x[1], y[1]);
}
