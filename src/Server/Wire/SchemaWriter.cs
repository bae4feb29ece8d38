using System.Collections.Immutable;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Server.Wire;

/// <summary>Op schemas as the contract tells them. The ONNX domain is written empty.</summary>
internal static class SchemaWriter
{
    private const string OnnxDomain = "ai.onnx";

    public static V1.OpSchema Write(OpSchema schema) => new()
    {
        Name = schema.Name,
        Domain = schema.Domain == OnnxDomain ? "" : schema.Domain,
        SinceVersion = schema.SinceVersion,
        Doc = schema.Doc,
        Differentiable = schema.Differentiable,
        Inputs = { schema.Inputs.Select(Write) },
        Outputs = { new V1.OpOutput { Name = "output", TypeVariable = schema.Types.ContainsKey("T") ? "T" : "", Variadic = schema.Name is "Gradient" or "Custom" } },
        Attributes = { schema.Attributes.OrderBy(a => a.Name, StringComparer.Ordinal).Select(Write) },
        TypeVariables = { schema.Types.Select(t => new V1.TypeVariable { Name = t.Key, DataTypes = { t.Value.Select(WireTypes.Write) } }) },
    };

    private static V1.OpInput Write(InputSchema input) => new()
    {
        Name = input.Name,
        Optional = input.Optional,
        Variadic = input.Variadic,
        TypeVariable = input.TypeVariable,
        Differentiability = input.Differentiability switch
        {
            Differentiability.Differentiable => V1.Differentiability.Differentiable,
            Differentiability.Blocked => V1.Differentiability.Blocked,
            _ => V1.Differentiability.Undefined,
        },
    };

    private static V1.OpAttribute Write(AttributeSchema attribute) => new()
    {
        Name = attribute.Name,
        Doc = attribute.Doc,
        Required = attribute.Required,
        Type = Kind(attribute.Type),
        DefaultValue = Default(attribute),
    };

    private static V1.AttributeType Kind(Type type) =>
        type == typeof(long) ? V1.AttributeType.Int
        : type == typeof(double) ? V1.AttributeType.Float
        : type == typeof(string) ? V1.AttributeType.String
        : type == typeof(bool) ? V1.AttributeType.Bool
        : type == typeof(long[]) ? V1.AttributeType.Ints
        : type == typeof(double[]) ? V1.AttributeType.Floats
        : type == typeof(DataType) ? V1.AttributeType.DataType
        : type == typeof(ConstantData) ? V1.AttributeType.Tensor
        : type == typeof(TensorType) ? V1.AttributeType.TensorType
        : type == typeof(TensorType[]) ? V1.AttributeType.TensorTypes
        : V1.AttributeType.Unspecified;

    private static V1.Attribute? Default(AttributeSchema attribute) => attribute.Default switch
    {
        null => null,
        int v => AttributeWriter.Write(attribute.Name, (long)v),
        float v => AttributeWriter.Write(attribute.Name, (double)v),
        long[] v => AttributeWriter.Write(attribute.Name, ImmutableArray.Create(v)),
        double[] v => AttributeWriter.Write(attribute.Name, ImmutableArray.Create(v)),
        var v => AttributeWriter.Write(attribute.Name, v),
    };
}
