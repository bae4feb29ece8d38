using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gradients.Client.Protocol;
using Gradients.Engine;
using Gradients.Engine.Tensors;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>
/// The elements of a tensor in this process: what is fed and what comes back. Row-major. Made from arrays and
/// <see cref="Tensor{T}"/> by conversion, it refers to the caller's memory; results own theirs.
/// </summary>
public sealed class TensorData
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly Array? _array;

    internal TensorData(DataType dataType, Shape shape, ReadOnlyMemory<byte> bytes, Array? array = null, bool isFlat = false)
    {
        DataType = dataType;
        Shape = shape;
        _bytes = bytes;
        _array = array;
        IsFlat = isFlat;
    }

    /// <summary>The type of the elements.</summary>
    public DataType DataType { get; }

    /// <summary>The dimensions, outermost first; empty for a scalar.</summary>
    public Shape Shape { get; }

    /// <summary>Bytes of all elements.</summary>
    public long ByteCount => _bytes.Length;

    /// <summary>Made from a one-dimensional array: takes the declared shape of what it is fed to, if the number of elements fits.</summary>
    internal bool IsFlat { get; }

    internal ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>Elements with a shape. The array is referred to, not copied.</summary>
    /// <param name="elements">The elements, row-major: float, double, long or bool.</param>
    /// <param name="shape">The dimensions, outermost first; empty for a scalar.</param>
    /// <exception cref="GradientsClientException">CONTENT_SIZE_MISMATCH: another number of elements than the shape says.</exception>
    public static TensorData Of<T>(T[] elements, params ReadOnlySpan<long> shape) where T : unmanaged => Of(elements, ShapeOf(shape), false);

    /// <summary>A scalar of rank 0.</summary>
    public static TensorData Scalar<T>(T value) where T : unmanaged => Of([value], Shape.Scalar, false);

    /// <summary>The elements of a tensor. A dense one is referred to, another one copied.</summary>
    public static TensorData From<T>(Tensor<T> tensor) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(tensor);
        Span<long> lengths = stackalloc long[tensor.Rank];
        for (var i = 0; i < lengths.Length; i++)
            lengths[i] = tensor.Lengths[i];
        var shape = ShapeOf(lengths);
        if (tensor.IsDense)
            return new TensorData(DataTypes.Of<T>(), shape, new DenseTensorMemory<T>(tensor).Memory);
        var copy = GC.AllocateUninitializedArray<T>(checked((int)shape.ElementCount));
        tensor.FlattenTo(copy);
        return Of(copy, shape, false);
    }

    /// <summary>The same elements under another shape with as many elements.</summary>
    public TensorData Reshape(params ReadOnlySpan<long> shape)
    {
        var other = ShapeOf(shape);
        if (other.ElementCount != Shape.ElementCount)
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.ShapeMismatch, $"A tensor of shape {Shape} has {Shape.ElementCount} elements, shape {other} has {other.ElementCount}.");
        return new TensorData(DataType, other, _bytes, _array);
    }

    /// <summary>The elements, row-major, without a copy.</summary>
    /// <exception cref="GradientsClientException">DATA_TYPE_MISMATCH: <typeparamref name="T"/> is another element type.</exception>
    public ReadOnlySpan<T> AsSpan<T>() where T : unmanaged
    {
        Require<T>();
        return MemoryMarshal.Cast<byte, T>(_bytes.Span);
    }

    /// <summary>The elements as a tensor. Downloaded ones are wrapped, others copied; the tensor is the caller's.</summary>
    /// <exception cref="GradientsClientException">DATA_TYPE_MISMATCH: <typeparamref name="T"/> is another element type.</exception>
    public Tensor<T> ToTensor<T>() where T : unmanaged
    {
        Require<T>();
        Span<nint> lengths = stackalloc nint[Shape.Rank];
        for (var i = 0; i < lengths.Length; i++)
            lengths[i] = (nint)Shape[i];
        var elements = _array as T[] ?? AsSpan<T>().ToArray();
        return System.Numerics.Tensors.Tensor.Create(elements, lengths);
    }

    /// <summary>The elements copied to a new array, row-major.</summary>
    public T[] ToArray<T>() where T : unmanaged => AsSpan<T>().ToArray();

    /// <summary>The only element.</summary>
    /// <exception cref="GradientsClientException">DATA_TYPE_MISMATCH, or SHAPE_MISMATCH when there is not exactly one element.</exception>
    public T Item<T>() where T : unmanaged
    {
        RequireOne();
        return AsSpan<T>()[0];
    }

    /// <summary>The only element, widened to float64; true is 1.</summary>
    /// <exception cref="GradientsClientException">SHAPE_MISMATCH when there is not exactly one element.</exception>
    public double ToDouble()
    {
        RequireOne();
        return DataType switch
        {
            DataType.Float32 => AsSpan<float>()[0],
            DataType.Float64 => AsSpan<double>()[0],
            DataType.Int64 => AsSpan<long>()[0],
            _ => AsSpan<bool>()[0] ? 1 : 0,
        };
    }

    public static implicit operator TensorData(float value) => Scalar(value);

    public static implicit operator TensorData(double value) => Scalar(value);

    public static implicit operator TensorData(long value) => Scalar(value);

    public static implicit operator TensorData(bool value) => Scalar(value);

    public static implicit operator TensorData(float[] elements) => Flat(elements);

    public static implicit operator TensorData(double[] elements) => Flat(elements);

    public static implicit operator TensorData(long[] elements) => Flat(elements);

    public static implicit operator TensorData(bool[] elements) => Flat(elements);

    public static implicit operator TensorData(float[,] elements) => Matrix(elements);

    public static implicit operator TensorData(double[,] elements) => Matrix(elements);

    public static implicit operator TensorData(long[,] elements) => Matrix(elements);

    public static implicit operator TensorData(Tensor<float> tensor) => From(tensor);

    public static implicit operator TensorData(Tensor<double> tensor) => From(tensor);

    public static implicit operator TensorData(Tensor<long> tensor) => From(tensor);

    public static implicit operator TensorData(Tensor<bool> tensor) => From(tensor);

    /// <summary>float32[2, 3], and the elements when they are few.</summary>
    public override string ToString() => $"{DataType.Name()}{Shape}{(Shape.ElementCount > 8 ? "" : " " + Elements())}";

    /// <summary>Independent of the caller's memory.</summary>
    internal TensorData Copy() => new(DataType, Shape, _bytes.ToArray(), null, IsFlat);

    private static TensorData Of<T>(T[] elements, Shape shape, bool isFlat) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(elements);
        if (elements.Length != shape.ElementCount)
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.ContentSizeMismatch, $"Shape {shape} has {shape.ElementCount} elements; {elements.Length} were given.");
        return new TensorData(DataTypes.Of<T>(), shape, new ElementMemory<T>(elements).Memory, elements, isFlat);
    }

    private static TensorData Flat<T>(T[] elements) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(elements);
        return Of(elements, new Shape(elements.Length), true);
    }

    private static TensorData Matrix<T>(T[,] elements) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(elements);
        var flat = GC.AllocateUninitializedArray<T>(elements.Length);
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(elements)), flat.Length).CopyTo(flat);
        return Of(flat, new Shape(elements.GetLength(0), elements.GetLength(1)), false);
    }

    internal static Shape ShapeOf(ReadOnlySpan<long> dimensions)
    {
        try
        {
            return new Shape(dimensions);
        }
        catch (GradientsException e)
        {
            throw Errors.Local(e);
        }
    }

    private void Require<T>() where T : unmanaged
    {
        if (DataTypes.Of<T>() != DataType)
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.DataTypeMismatch, $"The tensor holds {DataType.Name()}; {DataTypes.Of<T>().Name()} was asked for.");
    }

    private void RequireOne()
    {
        if (Shape.ElementCount != 1)
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.ShapeMismatch, $"A tensor of shape {Shape} is not one number.");
    }

    private string Elements() => DataType switch
    {
        DataType.Float32 => $"[{string.Join(", ", ToArray<float>())}]",
        DataType.Float64 => $"[{string.Join(", ", ToArray<double>())}]",
        DataType.Int64 => $"[{string.Join(", ", ToArray<long>())}]",
        _ => $"[{string.Join(", ", ToArray<bool>())}]",
    };
}
