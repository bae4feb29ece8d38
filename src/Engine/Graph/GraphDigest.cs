using System.Security.Cryptography;

namespace Gradients.Engine.Graph;

/// <summary>
/// The name of a stored graph: SHA-256 over ids, ops, inputs, attributes (sorted by name) and functions, in their order.
/// Labels are not in it.
/// </summary>
public static class GraphDigest
{
    /// <summary>64 lower-case hexadecimal digits.</summary>
    public static string Of(IReadOnlyList<FunctionSpec> functions, IReadOnlyList<NodeSpec> nodes)
    {
        var writer = new CanonicalWriter();
        writer.Write(functions.Count);
        foreach (var function in functions)
        {
            writer.Write(function.Name);
            Write(writer, function.Parameters);
            Write(writer, function.Nodes);
            Write(writer, function.Outputs);
            writer.Write(function.Gradient ?? "");
            Write(writer, function.Saved ?? []);
        }

        Write(writer, nodes);
        return Convert.ToHexStringLower(SHA256.HashData(writer.Written));
    }

    private static void Write(CanonicalWriter writer, IReadOnlyList<NodeSpec> nodes)
    {
        writer.Write(nodes.Count);
        foreach (var node in nodes)
        {
            writer.Write((long)node.Id);
            writer.Write(node.Op);
            Write(writer, node.Inputs);
            Write(writer, node.AdditionalOutputs);
            writer.Write(node.Attributes);
        }
    }

    private static void Write(CanonicalWriter writer, ulong[] ids)
    {
        writer.Write(ids.Length);
        foreach (var id in ids)
            writer.Write((long)id);
    }
}
