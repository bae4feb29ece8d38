using System.Runtime.InteropServices;
using Gradients.Engine;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;

namespace Gradients.Server.Wire;

/// <summary>Elements as lists: for small tensors, and for clients that write text.</summary>
internal static class TensorLists
{
    /// <summary>Whether a reply is asked to carry lists.</summary>
    /// <exception cref="GradientsException">INVALID_FIELD.</exception>
    public static bool AreAsked(V1.TensorFormat format) => format switch
    {
        V1.TensorFormat.Unspecified or V1.TensorFormat.Raw => false,
        V1.TensorFormat.Values => true,
        _ => throw Refusals.Field("tensor_format", $"{(int)format} is not a format."),
    };

    /// <summary>Type, shape and bytes of a list, whose type and length may stand for them.</summary>
    /// <exception cref="GradientsException">INVALID_FIELD, DATA_TYPE_MISMATCH, SHAPE_MISMATCH, CONTENT_SIZE_MISMATCH, LIMIT_EXCEEDED.</exception>
    public static (DataType Type, Shape Shape, byte[] Bytes) Read(V1.Tensor wire, string field, long maxBytes)
    {
        var (numbers, integers, booleans) = (wire.Values.Numbers, wire.Values.Integers, wire.Values.Booleans);
        var count = numbers.Count + integers.Count + booleans.Count;
        if (count != numbers.Count && count != integers.Count && count != booleans.Count)
            throw Refusals.Field($"{field}.values", "a tensor has one list.");
        var type = wire.DataType != V1.DataType.Unspecified ? WireTypes.Read(wire.DataType, $"{field}.data_type")
            : numbers.Count > 0 ? DataType.Float64
            : integers.Count > 0 ? DataType.Int64
            : booleans.Count > 0 ? DataType.Bool
            : throw Refusals.Field($"{field}.data_type", "without elements a type is required.");
        var (expected, name) = type switch
        {
            DataType.Int64 => (integers.Count, "integers"),
            DataType.Bool => (booleans.Count, "booleans"),
            _ => (numbers.Count, "numbers"),
        };
        if (expected != count)
            throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"{field}.values: elements of a {type.Name()} tensor are in `{name}`.").With("field", $"{field}.values");
        var shape = wire.Shape.Count == 0 && count != 1 ? new Shape([count]) : WireTypes.ReadShape(wire.Shape, $"{field}.shape");
        if (shape.ElementCount != count)
        {
            throw GradientsException.Invalid(ErrorReasons.ContentSizeMismatch, $"{field}: a tensor of shape {shape} has {shape.ElementCount} elements; {count} were sent.")
                .With("field", field).With("shapes", shape.ToString());
        }

        var bytes = (long)count * type.Size();
        if (bytes > maxBytes)
            throw Refusals.OverLimit($"{field}.values", "max_list_bytes", maxBytes, bytes);
        return (type, shape, Write(wire.Values, type, (int)bytes, field));
    }

    /// <summary>The elements of a tensor; float32 as the float64 of the same value.</summary>
    public static V1.TensorValues Write(Tensor tensor)
    {
        var values = new V1.TensorValues();
        switch (tensor.DataType)
        {
            case DataType.Float64:
                values.Numbers.AddRange(MemoryMarshal.Cast<byte, double>(tensor.AsBytes()).ToArray());
                break;
            case DataType.Float32:
                values.Numbers.Capacity = (int)tensor.Shape.ElementCount;
                foreach (var x in MemoryMarshal.Cast<byte, float>(tensor.AsBytes()))
                    values.Numbers.Add(x);
                break;
            case DataType.Int64:
                values.Integers.AddRange(MemoryMarshal.Cast<byte, long>(tensor.AsBytes()).ToArray());
                break;
            case DataType.Bool:
                values.Booleans.Capacity = (int)tensor.Shape.ElementCount;
                foreach (var x in tensor.AsBytes())
                    values.Booleans.Add(x != 0);
                break;
            default:
                throw new InvalidOperationException($"{tensor.DataType} has no list.");
        }

        return values;
    }

    private static byte[] Write(V1.TensorValues values, DataType type, int size, string field)
    {
        var bytes = new byte[size];
        switch (type)
        {
            case DataType.Float64:
                MemoryMarshal.AsBytes<double>(values.Numbers.ToArray()).CopyTo(bytes);
                break;
            case DataType.Float32:
                var floats = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
                for (var i = 0; i < floats.Length; i++)
                {
                    floats[i] = (float)values.Numbers[i];
                    if (float.IsInfinity(floats[i]) && double.IsFinite(values.Numbers[i]))
                        throw Refusals.Field($"{field}.values.numbers[{i}]", $"{values.Numbers[i]} is beyond float32.");
                }

                break;
            case DataType.Int64:
                MemoryMarshal.AsBytes<long>(values.Integers.ToArray()).CopyTo(bytes);
                break;
            default:
                for (var i = 0; i < size; i++)
                    bytes[i] = values.Booleans[i] ? (byte)1 : (byte)0;
                break;
        }

        return bytes;
    }
}
