using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Which of the two sides of a strided copy is written.</summary>
internal unsafe interface ICopyDirection<T>
    where T : unmanaged
{
    /// <summary>Moves a row; strides 1 and 0 go through block moves.</summary>
    static abstract void Row(T* flat, T* strided, long count, long stride);

    /// <summary>Moves element by element.</summary>
    static abstract void Elements(T* flat, T* strided, long count, long stride);
}

/// <summary>Reads the strided side.</summary>
internal readonly unsafe struct ToContiguous<T> : ICopyDirection<T>
    where T : unmanaged
{
    public static void Row(T* flat, T* strided, long count, long stride)
    {
        if (stride == 1)
        {
            Buffer.MemoryCopy(strided, flat, count * sizeof(T), count * sizeof(T));
        }
        else if (stride == 0)
        {
            T value = *strided;
            for (; count > 0; flat += 1 << 30, count -= 1 << 30)
                new Span<T>(flat, (int)Math.Min(count, 1 << 30)).Fill(value);
        }
        else
        {
            Elements(flat, strided, count, stride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Elements(T* flat, T* strided, long count, long stride)
    {
        for (long i = 0; i < count; i++)
            flat[i] = strided[i * stride];
    }
}

/// <summary>Writes the strided side.</summary>
internal readonly unsafe struct ToStrided<T> : ICopyDirection<T>
    where T : unmanaged
{
    public static void Row(T* flat, T* strided, long count, long stride)
    {
        if (stride == 1)
            Buffer.MemoryCopy(flat, strided, count * sizeof(T), count * sizeof(T));
        else
            Elements(flat, strided, count, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Elements(T* flat, T* strided, long count, long stride)
    {
        for (long i = 0; i < count; i++)
            strided[i * stride] = flat[i];
    }
}
