using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>Work that takes a noticeable time: a chain of products of 512 × 512 matrices, 2·512³ operations each.</summary>
internal static class Slow
{
    private const int Size = 512;
    private const int Length = 20;

    /// <summary>Nodes from <paramref name="first"/> on; the last, their sum, has the id first + 3 + Length.</summary>
    public static IEnumerable<V1.Node> Nodes(ulong first)
    {
        yield return Input(first);
        yield return new V1.Node { Id = first + 1, Op = "Constant", Attributes = { new V1.Attribute { Name = "value", Tensor = new V1.Tensor { DataType = V1.DataType.Int64, Shape = { 2 }, Raw = Google.Protobuf.ByteString.CopyFrom([.. BitConverter.GetBytes((long)Size), .. BitConverter.GetBytes((long)Size)]) } } } };
        yield return Node(first + 2, "Expand", first, first + 1);
        for (ulong i = 1; i <= Length; i++)
            yield return Node(first + 2 + i, "MatMul", first + 1 + i, first + 2);
        yield return Node(first + 3 + Length, "ReduceSum", first + 2 + Length).With("keepdims", 0);
    }

    /// <summary>Computes the whole chain; the reply has a scalar.</summary>
    public static V1.ForwardRequest Forward(ulong first) =>
        new() { Feeds = { Feed(first, Tensor([1e-3])) }, Fetches = { Fetch(first + 3 + Length) } };
}
