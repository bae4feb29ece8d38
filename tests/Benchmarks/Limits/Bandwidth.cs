using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Limits;

/// <summary>
/// Bytes a nanosecond of one thread over memory of a size, which decides what level of memory it lives in. It is rented from a
/// pool, as the engine's is: what is large lies on large pages.
/// </summary>
internal sealed unsafe class Bandwidth : IDisposable
{
    /// <summary>About as long a turn as those it is compared with: what is far is as cold as theirs, after the turns of others.</summary>
    private const double BytesPerTurn = 4e7;
    private const long SecondLevelBytes = 1 << 20;

    private readonly BufferPool _pool = new();
    private readonly PooledBuffer _buffer;
    private readonly long _bytes;
    private readonly float* _data;
    private readonly delegate*<float*, long, void> _read;
    private readonly delegate*<float*, long, void> _readWidened;
    private readonly bool _streams;

    /// <param name="bytes">Of all arrays of a loop together.</param>
    public Bandwidth(long bytes)
    {
        _bytes = bytes;
        _buffer = _pool.Rent(bytes, "bandwidth");
        _data = (float*)_buffer.Pointer;
        NativeMemory.Clear(_data, (nuint)bytes);

        // Chosen once, with the array as near as it can be: in turns with others one of them would find what the other has read.
        var isFar = bytes > SecondLevelBytes;
        _read = isFar && Again(1, &ReadFour) > Again(1, &Read) ? &ReadFour : &Read;
        _readWidened = Again(1, &ReadWidenedByHalves) > Again(1, &ReadWidened) ? &ReadWidenedByHalves : &ReadWidened;
        _streams = isFar && Again(2, &Copy<Streamed>) > Again(2, &Copy<Cached>);
    }

    /// <summary>What is far is read faster along four streams on some processors, along one on others.</summary>
    public double Read() => Measure(1, _read);

    /// <summary>Floats that are widened to float64, as their sums are; by the registers in which that is faster.</summary>
    public double ReadWidened() => Measure(1, _readWidened);

    /// <summary>Counts what the loop names; what a cache reads before it writes a line does not count. What is far is written past the caches where that is faster.</summary>
    public double Copy() => Measure(2, _streams ? &Copy<Streamed> : &Copy<Cached>);

    /// <summary>x + s·y, written to a third array in the same way.</summary>
    public double Triad() => Measure(3, _streams ? &Triad<Streamed> : &Triad<Cached>);

    /// <summary>Passes over so many arrays, two to four, of which the last is written.</summary>
    public void Pass(int arrays, int times)
    {
        delegate*<float*, long, void> loop = (arrays, _streams) switch
        {
            (2, false) => &Copy<Cached>,
            (2, true) => &Copy<Streamed>,
            (3, false) => &Triad<Cached>,
            (3, true) => &Triad<Streamed>,
            (_, false) => &MultiplyAdd<Cached>,
            _ => &MultiplyAdd<Streamed>,
        };
        for (var i = 0; i < times; i++)
            loop(_data, CountOf(arrays));
    }

    public void Dispose()
    {
        _buffer.Release();
        _pool.Dispose();
    }

    /// <summary>Elements of each of so many arrays: whole turns of the longest loop, and registers that are aligned in each.</summary>
    private long CountOf(int arrays) => _bytes / arrays / sizeof(float) / 64 * 64;

    private double Again(int arrays, delegate*<float*, long, void> loop)
    {
        Measure(arrays, loop);
        return Measure(arrays, loop);
    }

    private double Measure(int arrays, delegate*<float*, long, void> loop)
    {
        var count = CountOf(arrays);
        var moved = count * sizeof(float) * arrays;
        var repeats = (int)Math.Max(1, BytesPerTurn / moved);
        var began = ThreadClock.Microseconds;
        for (var i = 0; i < repeats; i++)
            loop(_data, count);
        return (double)moved * repeats / (ThreadClock.Microseconds - began) / 1e3;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Read(float* x, long count)
    {
        Vector512<float> a = default, b = default, c = default, d = default;
        for (long i = 0; i < count; i += 64)
        {
            a += Vector512.Load(x + i);
            b += Vector512.Load(x + i + 16);
            c += Vector512.Load(x + i + 32);
            d += Vector512.Load(x + i + 48);
        }

        // The sum of zeros is stored so that the loads are not dead.
        x[0] = Vector512.Sum(a + b + c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ReadWidened(float* x, long count)
    {
        Vector512<double> a = default, b = default, c = default, d = default;
        for (long i = 0; i < count; i += 32)
        {
            a += Vector512.WidenLower(Vector256.Load(x + i).ToVector512Unsafe());
            b += Vector512.WidenLower(Vector256.Load(x + i + 8).ToVector512Unsafe());
            c += Vector512.WidenLower(Vector256.Load(x + i + 16).ToVector512Unsafe());
            d += Vector512.WidenLower(Vector256.Load(x + i + 24).ToVector512Unsafe());
        }

        x[0] = (float)Vector512.Sum(a + b + c + d);
    }

    /// <summary>Where conversions take the units that add, multiply-adds leave those to them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ReadWidenedByHalves(float* x, long count)
    {
        Vector256<double> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default, one = Vector256<double>.One;
        for (long i = 0; i < count; i += 32)
        {
            a = Vector256.MultiplyAddEstimate(Widened(x + i), one, a);
            b = Vector256.MultiplyAddEstimate(Widened(x + i + 4), one, b);
            c = Vector256.MultiplyAddEstimate(Widened(x + i + 8), one, c);
            d = Vector256.MultiplyAddEstimate(Widened(x + i + 12), one, d);
            e = Vector256.MultiplyAddEstimate(Widened(x + i + 16), one, e);
            f = Vector256.MultiplyAddEstimate(Widened(x + i + 20), one, f);
            g = Vector256.MultiplyAddEstimate(Widened(x + i + 24), one, g);
            h = Vector256.MultiplyAddEstimate(Widened(x + i + 28), one, h);
        }

        x[0] = (float)Vector256.Sum(a + b + c + d + e + f + g + h);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Widened(float* x) => Vector256.WidenLower(Vector128.Load(x).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ReadFour(float* x, long count)
    {
        var quarter = count / 4;
        Vector512<float> a = default, b = default, c = default, d = default;
        for (long i = 0; i < quarter; i += 16)
        {
            a += Ahead(x + i);
            b += Ahead(x + i + quarter);
            c += Ahead(x + i + (2 * quarter));
            d += Ahead(x + i + (3 * quarter));
        }

        x[0] = Vector512.Sum(a + b + c + d);
    }

    /// <summary>Loads, and asks for what comes a kilobyte later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Ahead(float* x)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(x + 256);
        return Vector512.Load(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy<TStore>(float* x, long count)
        where TStore : struct
    {
        for (long i = 0; i < count; i += 16)
            Store<TStore>(Vector512.Load(x + i), x + count + i);
        Fence<TStore>();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Triad<TStore>(float* x, long count)
        where TStore : struct
    {
        var s = Vector512.Create(0.5f);
        for (long i = 0; i < count; i += 16)
            Store<TStore>(Vector512.Load(x + i) + (s * Vector512.Load(x + count + i)), x + (2 * count) + i);
        Fence<TStore>();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyAdd<TStore>(float* x, long count)
        where TStore : struct
    {
        for (long i = 0; i < count; i += 16)
            Store<TStore>((Vector512.Load(x + i) * Vector512.Load(x + count + i)) + Vector512.Load(x + (2 * count) + i), x + (3 * count) + i);
        Fence<TStore>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TStore>(Vector512<float> value, float* to)
        where TStore : struct
    {
        if (typeof(TStore) != typeof(Streamed))
        {
            Vector512.Store(value, to);
        }
        else if (Vector512.IsHardwareAccelerated)
        {
            Vector512.StoreAlignedNonTemporal(value, to);
        }
        else
        {
            // Of registers that are two, the store would be an ordinary one.
            Vector256.StoreAlignedNonTemporal(value.GetLower(), to);
            Vector256.StoreAlignedNonTemporal(value.GetUpper(), to + Vector256<float>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fence<TStore>()
        where TStore : struct
    {
        if (typeof(TStore) == typeof(Streamed) && Sse.IsSupported)
            Sse.StoreFence();
    }

    /// <summary>Written through the caches.</summary>
    private readonly struct Cached;

    /// <summary>Written past them: no line is read before it is written whole.</summary>
    private readonly struct Streamed;
}
