using System.Numerics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>Binds vector functions to the tile contract, one loop an element type.</summary>
internal static unsafe class Tiles
{
    /// <summary>Elements that fit a scratch register file on the stack; a multiple of every vector's length.</summary>
    public const int Chunk = 512;

    /// <summary>y = f(x).</summary>
    public static TileFunction Unary<TFunction>(DataType type) where TFunction : struct, IUnaryFunction => type switch
    {
        DataType.Float32 => new(&Map<TFunction, float>, &MapRows<TFunction, float>),
        DataType.Float64 => new(&Map<TFunction, double>, &MapRows<TFunction, double>),
        DataType.Int64 => new(&Map<TFunction, long>, &MapRows<TFunction, long>),
        _ => throw NoLoop(type),
    };

    /// <summary>z = f(x, y).</summary>
    public static TileFunction Binary<TFunction>(DataType type) where TFunction : struct, IBinaryFunction => type switch
    {
        DataType.Float32 => new(&Map2<TFunction, float>, &MapRows2<TFunction, float>),
        DataType.Float64 => new(&Map2<TFunction, double>, &MapRows2<TFunction, double>),
        DataType.Int64 => new(&Map2<TFunction, long>, &MapRows2<TFunction, long>),
        _ => throw NoLoop(type),
    };

    /// <summary>w = f(x, y, z).</summary>
    public static TileFunction Ternary<TFunction>(DataType type) where TFunction : struct, ITernaryFunction => type switch
    {
        DataType.Float32 => new(&Map3<TFunction, float>, &MapRows3<TFunction, float>),
        DataType.Float64 => new(&Map3<TFunction, double>, &MapRows3<TFunction, double>),
        DataType.Int64 => new(&Map3<TFunction, long>, &MapRows3<TFunction, long>),
        _ => throw NoLoop(type),
    };

    /// <summary>z = f(… f(f(x₀, x₁), x₂) …).</summary>
    public static TileFunction Variadic<TFunction>(DataType type) where TFunction : struct, IBinaryFunction => type switch
    {
        DataType.Float32 => new(&Fold<TFunction, float>),
        DataType.Float64 => new(&Fold<TFunction, double>),
        DataType.Int64 => new(&Fold<TFunction, long>),
        _ => throw NoLoop(type),
    };

    /// <summary>z = 1 where the predicate holds, else 0.</summary>
    public static TileFunction Predicate<TPredicate>(DataType type) where TPredicate : struct, IBinaryFunction => type switch
    {
        DataType.Float32 => new(&Test<TPredicate, float>),
        DataType.Float64 => new(&Test<TPredicate, double>),
        DataType.Int64 => new(&Test<TPredicate, long>),
        _ => throw NoLoop(type),
    };

    public static InvalidOperationException NoLoop(DataType type) => new($"There is no loop over {type.Name()}; the schema rejects it.");

    private static void Map<TFunction, T>(void** inputs, int inputCount, void* output, int count)
        where TFunction : struct, IUnaryFunction
        where T : unmanaged, INumber<T> =>
        WholeVectors.Map<TFunction, T>((T*)inputs[0], (T*)output, count);

    private static void Map2<TFunction, T>(void** inputs, int inputCount, void* output, int count)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T> =>
        WholeVectors.Map<TFunction, T>((T*)inputs[0], (T*)inputs[1], (T*)output, count);

    private static void Map3<TFunction, T>(void** inputs, int inputCount, void* output, int count)
        where TFunction : struct, ITernaryFunction
        where T : unmanaged, INumber<T> =>
        WholeVectors.Map<TFunction, T>((T*)inputs[0], (T*)inputs[1], (T*)inputs[2], (T*)output, count);

    private static void MapRows<TFunction, T>(void** inputs, nint* strides, void* output, int count, int rows, bool streams)
        where TFunction : struct, IUnaryFunction
        where T : unmanaged, INumber<T>
    {
        T* x = (T*)inputs[0], y = (T*)output;
        while (true)
        {
            if (streams)
                WholeVectors.Stream<TFunction, T>(x, y, count);
            else
                WholeVectors.Map<TFunction, T>(x, y, count);
            if (--rows == 0)
                return;
            x += strides[0];
            y += count;
        }
    }

    private static void MapRows2<TFunction, T>(void** inputs, nint* strides, void* output, int count, int rows, bool streams)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T>
    {
        T* x = (T*)inputs[0], y = (T*)inputs[1], z = (T*)output;
        if (strides != null && (strides[0] == TileFunction.Splat || strides[1] == TileFunction.Splat))
        {
            if (strides[1] == TileFunction.Splat)
                WholeVectors.MapSplat<TFunction, T>(x, y, z, count, streams);
            else
                WholeVectors.MapSplat<Swapped<TFunction>, T>(y, x, z, count, streams);
            return;
        }

        while (true)
        {
            if (streams)
                WholeVectors.Stream<TFunction, T>(x, y, z, count);
            else
                WholeVectors.Map<TFunction, T>(x, y, z, count);
            if (--rows == 0)
                return;
            x += strides[0];
            y += strides[1];
            z += count;
        }
    }

    private static void MapRows3<TFunction, T>(void** inputs, nint* strides, void* output, int count, int rows, bool streams)
        where TFunction : struct, ITernaryFunction
        where T : unmanaged, INumber<T>
    {
        T* x = (T*)inputs[0], y = (T*)inputs[1], z = (T*)inputs[2], w = (T*)output;
        while (true)
        {
            if (streams)
                WholeVectors.Stream<TFunction, T>(x, y, z, w, count);
            else
                WholeVectors.Map<TFunction, T>(x, y, z, w, count);
            if (--rows == 0)
                return;
            x += strides[0];
            y += strides[1];
            z += strides[2];
            w += count;
        }
    }

    private static void Test<TPredicate, T>(void** inputs, int inputCount, void* output, int count)
        where TPredicate : struct, IBinaryFunction
        where T : unmanaged, INumber<T> =>
        WholeVectors.Test<TPredicate, T>(new ReadOnlySpan<T>(inputs[0], count), new ReadOnlySpan<T>(inputs[1], count), new Span<byte>(output, count));

    /// <summary>Accumulates in a buffer of its own, since the output may be the buffer of an input that is read later.</summary>
    private static void Fold<TFunction, T>(void** inputs, int inputCount, void* output, int count)
        where TFunction : struct, IBinaryFunction
        where T : unmanaged, INumber<T>
    {
        var buffer = stackalloc T[Chunk];
        for (var start = 0; start < count; start += Chunk)
        {
            var length = Math.Min(Chunk, count - start);
            var sum = new Span<T>(buffer, length);
            new ReadOnlySpan<T>((T*)inputs[0] + start, length).CopyTo(sum);
            for (var i = 1; i < inputCount; i++)
                WholeVectors.Map<TFunction, T>(sum, new ReadOnlySpan<T>((T*)inputs[i] + start, length), sum);
            sum.CopyTo(new Span<T>((T*)output + start, length));
        }
    }
}
