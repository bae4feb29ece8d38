using System.Security.Cryptography;

namespace Gradients.Engine.Graph;

/// <summary>SHA-256 of a function's canonical form.</summary>
internal static class FunctionDigest
{
    public static byte[] Of(FunctionDefinition function)
    {
        var position = 0;
        foreach (var node in function.Parameters)
            node.Position = position++;
        foreach (var node in function.Nodes)
            node.Position = position++;
        var writer = new CanonicalWriter();
        writer.Write(function.Parameters.Length);
        foreach (var node in function.Nodes)
            writer.Write(node);
        writer.Write(function.Outputs.Length);
        foreach (var output in function.Outputs)
            Write(writer, output);
        writer.Write(function.Gradient?.Digest ?? []);
        writer.Write(function.Saved.Length);
        foreach (var saved in function.Saved)
            Write(writer, saved);
        return SHA256.HashData(writer.Written);
    }

    private static void Write(CanonicalWriter writer, Value? value)
    {
        writer.Write(value?.Node.Position ?? -1);
        writer.Write(value?.Output ?? 0);
    }
}
