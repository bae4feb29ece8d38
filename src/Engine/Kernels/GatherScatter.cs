using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>
/// Gather along the middle axis of a contiguous [outer, axis, inner] block, and its adjoint. Indices count from the
/// end when negative and are valid: <see cref="FirstInvalid"/> has been asked.
/// </summary>
public static unsafe class GatherScatter
{
    private const long UnitElements = 1 << 18;

    /// <summary>Rows of up to so many bytes are copied without a call.</summary>
    private const long ShortRow = 512;

    /// <summary>Rows that are on their way while one is copied.</summary>
    private const int Ahead = 8;

    /// <summary>The position of the first index outside [−axisLength, axisLength), or −1.</summary>
    public static long FirstInvalid(long* indices, long count, long axisLength)
    {
        for (long j = 0; j < count; j++)
        {
            if (indices[j] >= axisLength || indices[j] < -axisLength)
                return j;
        }

        return -1;
    }

    public static int GatherUnitCount(long outer, long count, long inner) =>
        checked((int)Blocks(outer * count, RowsPerUnit(inner)));

    /// <summary>The rows (o, j), counted through, that a unit of <see cref="Gather"/> writes.</summary>
    public static (long First, long Count) GatherRows(long outer, long count, long inner, int unit)
    {
        long first = unit * RowsPerUnit(inner);
        return (first, Math.Min(RowsPerUnit(inner), outer * count - first));
    }

    /// <summary>output[o, j, i] = data[o, indices[j], i]; units write disjoint rows and run in any order.</summary>
    public static void Gather<T>(T* data, long* indices, T* output, long outer, long axis, long count, long inner, int unit)
        where T : unmanaged
    {
        var (first, rows) = GatherRows(outer, count, inner, unit);
        if (rows <= 0)
            return;
        var (o, j) = Math.DivRem(first, count);
        T* block = data + (o * axis * inner);
        long bytes = inner * sizeof(T), end = first + rows;
        for (long row = first; row < end; row++)
        {
            T* source = block + (Position(indices[j], axis) * inner);
            if (inner == 1)
            {
                output[row] = *source;
            }
            else
            {
                if (row + Ahead < end && j + Ahead < count)
                    Fetch((byte*)(block + (Position(indices[j + Ahead], axis) * inner)), bytes);
                Copy((byte*)source, (byte*)(output + (row * inner)), bytes);
            }

            if (++j == count)
            {
                j = 0;
                block += axis * inner;
            }
        }
    }

    /// <summary>Asks for the beginning of a row: what follows is found by its order.</summary>
    private static void Fetch(byte* row, long bytes)
    {
        const int Line = 64;
        if (!Sse.IsSupported)
            return;
        for (long i = 0; i < Math.Min(bytes, ShortRow); i += Line)
            Sse.Prefetch0(row + i);
    }

    /// <summary>Short rows are not worth a call: whole registers, then one that ends where the row ends.</summary>
    private static void Copy(byte* from, byte* to, long bytes)
    {
        if (bytes < Vector256<byte>.Count || bytes > ShortRow)
        {
            Buffer.MemoryCopy(from, to, bytes, bytes);
            return;
        }

        long last = bytes - Vector256<byte>.Count;
        for (long i = 0; i < last; i += Vector256<byte>.Count)
            Vector256.Store(Vector256.Load(from + i), to + i);
        Vector256.Store(Vector256.Load(from + last), to + last);
    }

    public static int ScatterAddUnitCount(long outer, long axis, long count, long inner) =>
        checked((int)(outer * Blocks(inner, ColumnsPerUnit(axis, count, inner))));

    /// <summary>
    /// output[o, ·, i] = 0, then output[o, indices[j], i] += source[o, j, i] for increasing j. Units write disjoint
    /// columns and run in any order.
    /// </summary>
    public static void ScatterAdd<T>(T* source, long* indices, T* output, long outer, long axis, long count, long inner, int unit)
        where T : unmanaged, INumber<T>
    {
        if (outer == 0 || inner == 0)
            return;
        long block = ColumnsPerUnit(axis, count, inner);
        var (o, part) = Math.DivRem(unit, Blocks(inner, block));
        long first = part * block;
        int width = (int)Math.Min(block, inner - first);
        T* target = output + o * axis * inner + first;
        for (long i = 0; i < axis; i++)
            new Span<T>(target + i * inner, width).Clear();
        for (long j = 0; j < count; j++)
        {
            T* from = source + (o * count + j) * inner + first;
            T* to = target + Position(indices[j], axis) * inner;
            if (width == 1)
                *to += *from;
            else
                Elementwise.Add(new ReadOnlySpan<T>(to, width), new ReadOnlySpan<T>(from, width), new Span<T>(to, width));
        }
    }

    private static long Position(long index, long axis) => index < 0 ? index + axis : index;

    private static long Blocks(long length, long block) => (length + block - 1) / block;

    private static long RowsPerUnit(long inner) => Math.Max(1, UnitElements / Math.Max(1, inner));

    /// <summary>At least 64 columns, so that a row's piece is whole cache lines.</summary>
    private static long ColumnsPerUnit(long axis, long count, long inner) =>
        Math.Clamp(UnitElements / Math.Max(1, axis + count) / 64 * 64, 64, Math.Max(64, Math.Min(inner, 1 << 20)));
}
