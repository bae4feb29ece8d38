namespace Gradients.Engine.Kernels;

/// <summary>
/// Copies between a strided block of up to <see cref="MaximalRank"/> dimensions and a contiguous one. Elements have
/// 1, 4 or 8 bytes. A range [start, start + count) of the contiguous block's flat index may be copied by itself, so
/// ranges can run in any order. Source and destination do not overlap.
/// </summary>
public static unsafe class StridedCopy
{
    public const int MaximalRank = 8;

    /// <summary>
    /// contiguous[f] = strided[Σ index_d(f) · strides[d]] for f in the range.
    /// Strides count elements and may be 0 or negative.
    /// </summary>
    public static void Gather(void* strided, ReadOnlySpan<long> shape, ReadOnlySpan<long> strides, void* contiguous, int elementSize, long start, long count)
    {
        switch (elementSize)
        {
            case 1:
                Run<byte, ToContiguous<byte>>((byte*)strided, shape, strides, (byte*)contiguous, start, count);
                break;
            case 4:
                Run<uint, ToContiguous<uint>>((uint*)strided, shape, strides, (uint*)contiguous, start, count);
                break;
            case 8:
                Run<ulong, ToContiguous<ulong>>((ulong*)strided, shape, strides, (ulong*)contiguous, start, count);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(elementSize));
        }
    }

    /// <summary>
    /// strided[Σ index_d(f) · strides[d]] = contiguous[f] for f in the range. No two indices may address the same
    /// element: strides of dimensions longer than one are not 0.
    /// </summary>
    public static void Scatter(void* contiguous, void* strided, ReadOnlySpan<long> shape, ReadOnlySpan<long> strides, int elementSize, long start, long count)
    {
        switch (elementSize)
        {
            case 1:
                Run<byte, ToStrided<byte>>((byte*)strided, shape, strides, (byte*)contiguous, start, count);
                break;
            case 4:
                Run<uint, ToStrided<uint>>((uint*)strided, shape, strides, (uint*)contiguous, start, count);
                break;
            case 8:
                Run<ulong, ToStrided<ulong>>((ulong*)strided, shape, strides, (ulong*)contiguous, start, count);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(elementSize));
        }
    }

    private static void Run<T, TDirection>(T* strided, ReadOnlySpan<long> shape, ReadOnlySpan<long> strides, T* contiguous, long start, long count)
        where T : unmanaged
        where TDirection : struct, ICopyDirection<T>
    {
        if (shape.Length > MaximalRank || shape.Length != strides.Length)
            throw new ArgumentException("Shape and strides have the same length of at most 8.");
        if (count <= 0)
            return;

        long* extent = stackalloc long[MaximalRank];
        long* stride = stackalloc long[MaximalRank];
        long* index = stackalloc long[MaximalRank];
        int rank = Coalesce(shape, strides, extent, stride);
        int inner = rank - 1, outer = rank - 2;

        T* source = strided;
        long rest = start;
        for (int d = inner; d >= 0; d--)
        {
            (rest, index[d]) = Math.DivRem(rest, extent[d]);
            source += index[d] * stride[d];
        }

        bool isTransposed = rank >= 2 && stride[outer] == 1 && stride[inner] != 1;
        T* flat = contiguous + start;
        T* end = flat + count;
        while (flat < end)
        {
            long width = Math.Min(extent[inner] - index[inner], end - flat);
            long rows = isTransposed && index[inner] == 0
                ? Math.Min(extent[outer] - index[outer], (end - flat) / extent[inner])
                : 0;
            if (rows > 1)
            {
                Transpose<T, TDirection>(flat, source, rows, width, stride[inner]);
                flat += rows * width;
                index[outer] += rows - 1;
                source += rows - 1;
            }
            else
            {
                TDirection.Row(flat, source, width, stride[inner]);
                flat += width;
            }

            source -= index[inner] * stride[inner];
            index[inner] = 0;
            for (int d = outer; d >= 0; d--)
            {
                source += stride[d];
                if (++index[d] < extent[d])
                    break;
                source -= extent[d] * stride[d];
                index[d] = 0;
            }
        }
    }

    /// <summary>Drops dimensions of one and joins those that step as one; the result has at least one dimension.</summary>
    private static int Coalesce(ReadOnlySpan<long> shape, ReadOnlySpan<long> strides, long* extent, long* stride)
    {
        int rank = 0;
        for (int d = 0; d < shape.Length; d++)
        {
            if (shape[d] == 1)
                continue;
            if (rank > 0 && stride[rank - 1] == shape[d] * strides[d])
            {
                extent[rank - 1] *= shape[d];
                stride[rank - 1] = strides[d];
            }
            else
            {
                extent[rank] = shape[d];
                stride[rank++] = strides[d];
            }
        }

        if (rank > 0)
            return rank;
        extent[0] = stride[0] = 1;
        return 1;
    }

    /// <summary>Tiles of 16 × 16 keep the lines of both sides in the first-level cache.</summary>
    private static void Transpose<T, TDirection>(T* flat, T* strided, long rows, long columns, long stride)
        where T : unmanaged
        where TDirection : struct, ICopyDirection<T>
    {
        const int Tile = 16;
        for (long i = 0; i < rows; i += Tile)
        {
            long height = Math.Min(Tile, rows - i);
            for (long j = 0; j < columns; j += Tile)
            {
                long width = Math.Min(Tile, columns - j);
                for (long r = 0; r < height; r++)
                    TDirection.Elements(flat + (i + r) * columns + j, strided + (i + r) + j * stride, width, stride);
            }
        }
    }
}
