using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>What a program computes, in terms of one client's definitions.</summary>
public sealed class ProgramRequest
{
    /// <summary>Values returned as they are.</summary>
    public List<Value> Fetches { get; } = [];

    /// <summary>Values that are differentiated.</summary>
    public List<Value> Roots { get; } = [];

    /// <summary>For each root, whether a cotangent is bound; else the root must be a scalar and 1 is taken.</summary>
    public List<bool> HasCotangent { get; } = [];

    /// <summary>Values that the roots are differentiated for.</summary>
    public List<Value> Wrt { get; } = [];

    /// <summary>Splits the program into a forward plan that keeps residuals and a backward plan that uses them.</summary>
    public bool Split { get; set; }

    /// <summary>Whether elementwise chains are fused; the bits are the same.</summary>
    public bool Fusion { get; set; } = true;

    public void Clear()
    {
        Fetches.Clear();
        Roots.Clear();
        HasCotangent.Clear();
        Wrt.Clear();
        Split = false;
        Fusion = true;
    }
}

/// <summary>
/// The canonical form of a request: all that a plan depends on and nothing else. Labels, ids, variable values and the
/// contents of large constants are not in it; types, shapes, embedded constants, options and the ISA level are.
/// </summary>
public static class PlanKey
{
    /// <summary>Collects the subgraph and writes the key; <paramref name="typeOf"/> binds the type of each source.</summary>
    public static void Write(ProgramRequest request, Subgraph subgraph, CanonicalWriter writer, List<NodeType> sourceTypes, Func<NodeDefinition, NodeType> typeOf)
    {
        WriteStructure(request, subgraph, writer);
        WriteTypes(subgraph.Sources, writer, sourceTypes, typeOf);
    }

    /// <summary>The part of the key that does not depend on what is fed: collects the subgraph and begins the key with it.</summary>
    internal static void WriteStructure(ProgramRequest request, Subgraph subgraph, CanonicalWriter writer)
    {
        subgraph.Start();
        writer.Clear();
        foreach (var value in request.Fetches)
            subgraph.Add(value);
        foreach (var value in request.Roots)
            subgraph.Add(value);
        foreach (var value in request.Wrt)
            subgraph.Add(value);
        writer.Write(IsaLevel.Name);
        writer.Write((byte)((request.Split ? 1 : 0) | (request.Fusion ? 2 : 0)));
        foreach (var node in subgraph.Nodes)
        {
            if (Subgraph.IsSource(node))
                writer.Write((byte)2);
            else
                writer.Write(node);
        }

        Write(writer, request.Fetches);
        Write(writer, request.Roots);
        foreach (var has in request.HasCotangent)
            writer.Write(has ? (byte)1 : (byte)0);
        Write(writer, request.Wrt);
    }

    /// <summary>The rest of the key: the type of each source, in order.</summary>
    internal static void WriteTypes(IReadOnlyList<NodeDefinition> sources, CanonicalWriter writer, List<NodeType> sourceTypes, Func<NodeDefinition, NodeType> typeOf)
    {
        sourceTypes.Clear();
        for (var i = 0; i < sources.Count; i++)
        {
            var type = typeOf(sources[i]);
            sourceTypes.Add(type);
            writer.Write(type.DataType, type.Shape);
        }
    }

    private static void Write(CanonicalWriter writer, List<Value> values)
    {
        writer.Write(values.Count);
        foreach (var value in values)
        {
            writer.Write(value.Node.Position);
            writer.Write(value.Output);
        }
    }
}
