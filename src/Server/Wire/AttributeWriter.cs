using System.Collections.Immutable;
using Google.Protobuf;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Server.Wire;

/// <summary>Attributes as the contract tells them.</summary>
internal static class AttributeWriter
{
    /// <param name="node">Whose attribute it is: dimensions of any length have symbols made of its id.</param>
    public static V1.Attribute Write(string name, object value, ulong node = 0) => value switch
    {
        long v => new V1.Attribute { Name = name, IntValue = v },
        double v => new V1.Attribute { Name = name, FloatValue = v },
        string v => new V1.Attribute { Name = name, StringValue = v },
        bool v => new V1.Attribute { Name = name, BoolValue = v },
        ImmutableArray<long> v => new V1.Attribute { Name = name, Ints = new V1.Int64List { Values = { v } } },
        ImmutableArray<double> v => new V1.Attribute { Name = name, Floats = new V1.DoubleList { Values = { v } } },
        DataType v => new V1.Attribute { Name = name, DataType = WireTypes.Write(v) },
        TensorType v => new V1.Attribute { Name = name, Type = WireTypes.WriteType(v, node) },
        ConstantData v => new V1.Attribute { Name = name, Tensor = Write(v) },
        _ => throw new InvalidOperationException($"No attribute has a value of {value.GetType()}."),
    };

    private static V1.Tensor Write(ConstantData data)
    {
        var tensor = new V1.Tensor { DataType = WireTypes.Write(data.DataType), Raw = ByteString.CopyFrom(data.Bytes) };
        foreach (var d in data.Shape.Dimensions)
            tensor.Shape.Add(d);
        return tensor;
    }
}
