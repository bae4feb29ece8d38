using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>
/// Turns lines into columns. A square is as many elements of as many lines as fit 16 bytes, and is turned in registers; up to
/// four squares below each other are turned at once, one in each quarter of a register. With 512 bits, 16 lines of float32 are
/// turned a cache line each at a time. Lines are followed to their ends, as the prefetcher does.
/// </summary>
internal static unsafe class Transposition
{
    private const int Side = 16;

    /// <summary>Elements of a line, and lines, that are turned at once in registers of 512 bits.</summary>
    private const int Sixteen = 16;

    private const byte EvenQuarters = 0b10_00_10_00;
    private const byte OddQuarters = 0b11_01_11_01;

    /// <summary>target[p · width + i] = source[i · line + p] for i below <paramref name="lines"/> and p below <paramref name="depth"/>.</summary>
    public static void Run<T>(T* source, long line, int lines, int depth, long width, T* target)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int side = Side / sizeof(T);
        if (!Vector128.IsHardwareAccelerated || lines < side || depth < side)
        {
            Elements(source, line, lines, depth, width, target);
            return;
        }

        for (int i = 0; i < lines;)
        {
            // The last squares lie over their neighbours.
            int squares = Squares<T>(lines - i, depth), x = Math.Min(i, lines - (squares * side));
            int step = sizeof(T) == 4 && squares == 4 ? Sixteen : side;
            for (int p = 0; p < depth; p += step)
            {
                int y = Math.Min(p, depth - step);
                Turn<T>(squares, (byte*)(source + (x * line) + y), line * sizeof(T), (byte*)(target + (y * width) + x), width * sizeof(T));
            }

            i += squares * side;
        }
    }

    private static int Squares<T>(int lines, int depth)
        where T : unmanaged
    {
        int side = Side / sizeof(T);
        return Avx512F.IsSupported && lines >= 4 * side && (sizeof(T) == 8 || depth >= Sixteen) ? 4
            : Avx.IsSupported && lines >= 2 * side ? 2
            : 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn<T>(int squares, byte* from, long line, byte* to, long width)
        where T : unmanaged
    {
        if (sizeof(T) == 4)
        {
            if (squares == 4)
                SixteenOfSingle(from, line, to, width);
            else if (squares == 2)
                TwoOfSingle(from, line, to, width);
            else
                OneOfSingle(from, line, to, width);
        }
        else if (squares == 4)
        {
            var (x, y) = (Stacked4(from, 2 * line), Stacked4(from + line, 2 * line));
            Vector512.Store(Avx512F.UnpackLow(x, y), (double*)to);
            Vector512.Store(Avx512F.UnpackHigh(x, y), (double*)(to + width));
        }
        else if (squares == 2)
        {
            var (x, y) = (Stacked2(from, 2 * line), Stacked2(from + line, 2 * line));
            Vector256.Store(Avx.UnpackLow(x, y), (double*)to);
            Vector256.Store(Avx.UnpackHigh(x, y), (double*)(to + width));
        }
        else
        {
            var (x, y) = (Vector128.Load((double*)from), Vector128.Load((double*)(from + line)));
            Vector128.Store(Low(x, y), (double*)to);
            Vector128.Store(High(x, y), (double*)(to + width));
        }
    }

    /// <summary>Eight elements of as many lines as a register of 512 or 256 bits has elements: register p takes the p-th element of each line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Eight<V>(float* from, long line, out V p0, out V p1, out V p2, out V p3, out V p4, out V p5, out V p6, out V p7)
        where V : struct, ILanes<V, float>
    {
        if (typeof(V) == typeof(Lanes512<float>))
        {
            Eight(from, line, out Vector512<float> q0, out var q1, out var q2, out var q3, out var q4, out var q5, out var q6, out var q7);
            (p0, p1, p2, p3) = (Of(q0), Of(q1), Of(q2), Of(q3));
            (p4, p5, p6, p7) = (Of(q4), Of(q5), Of(q6), Of(q7));
        }
        else
        {
            Four((byte*)from, line * sizeof(float), out var q0, out var q1, out var q2, out var q3);
            (p0, p1, p2, p3) = (Of(q0), Of(q1), Of(q2), Of(q3));
            Four((byte*)(from + 4), line * sizeof(float), out q0, out q1, out q2, out q3);
            (p4, p5, p6, p7) = (Of(q0), Of(q1), Of(q2), Of(q3));
        }

        static V Of<TVector>(TVector x)
            where TVector : struct => Unsafe.BitCast<TVector, V>(x);
    }

    /// <summary>
    /// Eight elements of 16 lines: register p takes the p-th element of each line. Quarters are turned as for
    /// <see cref="TwoOfSingle"/>, then brought together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Eight(
        float* from, long line,
        out Vector512<float> p0, out Vector512<float> p1, out Vector512<float> p2, out Vector512<float> p3,
        out Vector512<float> p4, out Vector512<float> p5, out Vector512<float> p6, out Vector512<float> p7)
    {
        float* from4 = from + (4 * line), from8 = from + (8 * line), from12 = from + (12 * line);
        long line2 = 2 * line, line3 = 3 * line;
        Vector512<float> a = Beside(from, from4), b = Beside(from + line, from4 + line), c = Beside(from + line2, from4 + line2), d = Beside(from + line3, from4 + line3);
        Vector512<float> e = Beside(from8, from12), f = Beside(from8 + line, from12 + line), g = Beside(from8 + line2, from12 + line2), h = Beside(from8 + line3, from12 + line3);
        TurnQuarters(ref a, ref b, ref c, ref d);
        TurnQuarters(ref e, ref f, ref g, ref h);
        p0 = Avx512F.Shuffle4x128(a, e, EvenQuarters);
        p1 = Avx512F.Shuffle4x128(b, f, EvenQuarters);
        p2 = Avx512F.Shuffle4x128(c, g, EvenQuarters);
        p3 = Avx512F.Shuffle4x128(d, h, EvenQuarters);
        p4 = Avx512F.Shuffle4x128(a, e, OddQuarters);
        p5 = Avx512F.Shuffle4x128(b, f, OddQuarters);
        p6 = Avx512F.Shuffle4x128(c, g, OddQuarters);
        p7 = Avx512F.Shuffle4x128(d, h, OddQuarters);
    }

    /// <summary>16 elements of 16 lines: a cache line of each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void SixteenOfSingle(byte* from, long line, byte* to, long width)
    {
        for (int half = 0; half < 2; half++, from += 32, to += 8 * width)
        {
            Eight((float*)from, line / sizeof(float), out var p0, out var p1, out var p2, out var p3, out var p4, out var p5, out var p6, out var p7);
            Vector512.Store(p0, (float*)to);
            Vector512.Store(p1, (float*)(to + width));
            Vector512.Store(p2, (float*)(to + (2 * width)));
            Vector512.Store(p3, (float*)(to + (3 * width)));
            Vector512.Store(p4, (float*)(to + (4 * width)));
            Vector512.Store(p5, (float*)(to + (5 * width)));
            Vector512.Store(p6, (float*)(to + (6 * width)));
            Vector512.Store(p7, (float*)(to + (7 * width)));
        }
    }

    /// <summary>32 bytes of each of two lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Beside(float* x, float* y) => Vector256.Load(x).ToVector512Unsafe().WithUpper(Vector256.Load(y));

    // a0 b0 a1 b1 and a2 b2 a3 b3 in each quarter, and so for c and d; then pairs.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnQuarters(ref Vector512<float> a, ref Vector512<float> b, ref Vector512<float> c, ref Vector512<float> d)
    {
        Vector512<double> abLow = Avx512F.UnpackLow(a, b).AsDouble(), abHigh = Avx512F.UnpackHigh(a, b).AsDouble();
        Vector512<double> cdLow = Avx512F.UnpackLow(c, d).AsDouble(), cdHigh = Avx512F.UnpackHigh(c, d).AsDouble();
        a = Avx512F.UnpackLow(abLow, cdLow).AsSingle();
        b = Avx512F.UnpackHigh(abLow, cdLow).AsSingle();
        c = Avx512F.UnpackLow(abHigh, cdHigh).AsSingle();
        d = Avx512F.UnpackHigh(abHigh, cdHigh).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoOfSingle(byte* from, long line, byte* to, long width)
    {
        Four(from, line, out var p0, out var p1, out var p2, out var p3);
        Vector256.Store(p0, (float*)to);
        Vector256.Store(p1, (float*)(to + width));
        Vector256.Store(p2, (float*)(to + (2 * width)));
        Vector256.Store(p3, (float*)(to + (3 * width)));
    }

    /// <summary>Four elements of eight lines: register p takes the p-th element of each line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(byte* from, long line, out Vector256<float> p0, out Vector256<float> p1, out Vector256<float> p2, out Vector256<float> p3)
    {
        Vector256<float> a = Stacked2(from, 4 * line).AsSingle(), b = Stacked2(from + line, 4 * line).AsSingle();
        Vector256<float> c = Stacked2(from + (2 * line), 4 * line).AsSingle(), d = Stacked2(from + (3 * line), 4 * line).AsSingle();
        Vector256<double> abLow = Avx.UnpackLow(a, b).AsDouble(), abHigh = Avx.UnpackHigh(a, b).AsDouble();
        Vector256<double> cdLow = Avx.UnpackLow(c, d).AsDouble(), cdHigh = Avx.UnpackHigh(c, d).AsDouble();
        p0 = Avx.UnpackLow(abLow, cdLow).AsSingle();
        p1 = Avx.UnpackHigh(abLow, cdLow).AsSingle();
        p2 = Avx.UnpackLow(abHigh, cdHigh).AsSingle();
        p3 = Avx.UnpackHigh(abHigh, cdHigh).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OneOfSingle(byte* from, long line, byte* to, long width)
    {
        Vector128<float> a = Vector128.Load((float*)from), b = Vector128.Load((float*)(from + line));
        Vector128<float> c = Vector128.Load((float*)(from + (2 * line))), d = Vector128.Load((float*)(from + (3 * line)));
        Vector128<double> abLow = Low(a, b).AsDouble(), abHigh = High(a, b).AsDouble();
        Vector128<double> cdLow = Low(c, d).AsDouble(), cdHigh = High(c, d).AsDouble();
        Vector128.Store(Low(abLow, cdLow), (double*)to);
        Vector128.Store(High(abLow, cdLow), (double*)(to + width));
        Vector128.Store(Low(abHigh, cdHigh), (double*)(to + (2 * width)));
        Vector128.Store(High(abHigh, cdHigh), (double*)(to + (3 * width)));
    }

    /// <summary>16 bytes from each of two places that are so far apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Stacked2(byte* from, long apart) =>
        Vector256.Create(Vector128.Load((double*)from), Vector128.Load((double*)(from + apart)));

    /// <summary>16 bytes from each of four places that are so far apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Stacked4(byte* from, long apart) =>
        Vector512.Create(Stacked2(from, apart), Stacked2(from + (2 * apart), apart));

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

    private static void Elements<T>(T* source, long line, int lines, int depth, long width, T* target)
        where T : unmanaged
    {
        for (int i = 0; i < lines; i++, source += line, target++)
        {
            for (int p = 0; p < depth; p++)
                target[p * width] = source[p];
        }
    }
}
