using Gradients.Engine;
using Gradients.Engine.Graph;
using Gradients.Server.Errors;

namespace Gradients.Server.Wire;

internal static class AttributeReader
{
    public static Attributes Read(V1.Node node, TensorReader tensors, string field)
    {
        if (node.Attributes.Count == 0)
            return Attributes.None;
        var entries = new (string, object)[node.Attributes.Count];
        try
        {
            for (var i = 0; i < entries.Length; i++)
                entries[i] = (node.Attributes[i].Name, Value(node.Attributes[i], node.Id, tensors, $"{field}.attributes[{i}]"));
            return Attributes.Of(entries);
        }
        catch (GradientsException e)
        {
            throw e.With("node", node.Id.ToString()).With("op", node.Op);
        }
    }

    private static object Value(V1.Attribute attribute, ulong node, TensorReader tensors, string field) => attribute.ValueCase switch
    {
        V1.Attribute.ValueOneofCase.IntValue => attribute.IntValue,
        V1.Attribute.ValueOneofCase.FloatValue => attribute.FloatValue,
        V1.Attribute.ValueOneofCase.StringValue => attribute.StringValue,
        V1.Attribute.ValueOneofCase.BoolValue => attribute.BoolValue,
        V1.Attribute.ValueOneofCase.Ints => (long[])[.. attribute.Ints.Values],
        V1.Attribute.ValueOneofCase.Floats => (double[])[.. attribute.Floats.Values],
        V1.Attribute.ValueOneofCase.DataType => WireTypes.Read(attribute.DataType, $"{field}.data_type"),
        V1.Attribute.ValueOneofCase.Tensor => tensors.ReadConstant(attribute.Tensor, $"{field}.tensor"),
        V1.Attribute.ValueOneofCase.Type => WireTypes.ReadType(attribute.Type, node, $"{field}.type"),
        V1.Attribute.ValueOneofCase.Types_ => attribute.Types_.Values.Select((t, i) => WireTypes.ReadType(t, node, $"{field}.types.values[{i}]", i)).ToArray(),
        V1.Attribute.ValueOneofCase.Function => throw Refusals.Feature($"{field}.function", "no op takes a function."),
        _ => throw GradientsException.Invalid(ErrorReasons.InvalidAttribute, $"Attribute '{attribute.Name}' has no value.").With("field", field),
    };
}
