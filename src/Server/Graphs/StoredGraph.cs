using Google.Protobuf.WellKnownTypes;
using Gradients.Engine.Sessions;

namespace Gradients.Server.Graphs;

/// <summary>A graph that a tenant stored, checked and ready to be evaluated.</summary>
/// <param name="Name"><c>graphs/{sha256}</c>.</param>
/// <param name="Bytes">What it counts to its tenant and to the memory budget.</param>
internal sealed record StoredGraph(string Name, SharedGraph Graph, DateTimeOffset Created, long Bytes)
{
    public V1.GraphInfo Describe() => new()
    {
        Name = Name,
        CreateTime = Created.ToTimestamp(),
        NodeCount = (ulong)Graph.Nodes.Count,
        FunctionCount = (ulong)Graph.Functions.Count,
        ByteSize = (ulong)Bytes,
    };
}
