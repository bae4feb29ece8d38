using System.Collections.Immutable;
using Google.Protobuf;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Client.Protocol;

/// <summary>Engine types as messages of the contract, and back.</summary>
internal static class Encoding
{
    /// <summary>The tensor with its elements in the message; they are referred to, not copied, until the message is written.</summary>
    public static V1.Tensor ToMessage(this TensorData data) => new()
    {
        DataType = (V1.DataType)data.DataType,
        Shape = { data.Shape.Dimensions.ToArray() },
        Raw = UnsafeByteOperations.UnsafeWrap(data.Bytes),
    };

    /// <summary>The elements of a reply; the message's bytes are kept, not copied.</summary>
    public static TensorData ToData(this V1.Tensor tensor) => new((DataType)tensor.DataType, tensor.ToShape(), tensor.Raw.Memory);

    public static Shape ToShape(this V1.Tensor tensor) => new([.. tensor.Shape]);

    public static V1.TensorType ToMessage(this TensorType type)
    {
        var message = new V1.TensorType { DataType = (V1.DataType)type.DataType };
        foreach (var dimension in type.Dimensions)
            message.Dimensions.Add(dimension.Symbol is { } symbol ? new V1.Dimension { Symbol = symbol } : new V1.Dimension { Size = dimension.Size });
        return message;
    }

    public static void AddTo(this Attributes attributes, V1.Node node)
    {
        foreach (var (name, value) in attributes.Entries)
            node.Attributes.Add(ToMessage(name, value));
    }

    private static V1.Attribute ToMessage(string name, object value)
    {
        var attribute = new V1.Attribute { Name = name };
        switch (value)
        {
            case long v:
                attribute.IntValue = v;
                break;
            case double v:
                attribute.FloatValue = v;
                break;
            case bool v:
                attribute.BoolValue = v;
                break;
            case string v:
                attribute.StringValue = v;
                break;
            case ImmutableArray<long> v:
                attribute.Ints = new V1.Int64List { Values = { v } };
                break;
            case ImmutableArray<double> v:
                attribute.Floats = new V1.DoubleList { Values = { v } };
                break;
            case DataType v:
                attribute.DataType = (V1.DataType)v;
                break;
            case TensorType v:
                attribute.Type = v.ToMessage();
                break;
            case ImmutableArray<TensorType> v:
                attribute.Types_ = new V1.TensorTypeList { Values = { v.Select(ToMessage) } };
                break;
            case ConstantData v:
                attribute.Tensor = new V1.Tensor { DataType = (V1.DataType)v.DataType, Shape = { v.Shape.Dimensions.ToArray() }, Raw = ByteString.CopyFrom(v.Bytes) };
                break;
            default:
                throw new NotSupportedException($"An attribute cannot be of type {value.GetType()}.");
        }

        return attribute;
    }
}
