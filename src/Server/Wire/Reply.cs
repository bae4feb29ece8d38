using Google.Protobuf;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Limits;

namespace Gradients.Server.Wire;

/// <summary>
/// A reply whose tensors stay in the engine's memory, from which they are written to the connection. Holds the tensors until
/// disposed, which must be after it is written.
/// </summary>
/// <param name="lists">True = tensors carry their elements as lists.</param>
/// <param name="owned">What is disposed with the reply; the tensors are in it.</param>
/// <param name="tensors">How many are expected.</param>
internal sealed class Reply(IMessage message, bool lists = false, IDisposable? owned = null, int tensors = 0) : IDisposable
{
    // Tag and length of a content, and what longer lengths add to the messages around it.
    private const int ContentHeader = 32;

    private readonly List<(V1.Tensor Wire, Tensor Source)> _contents = new(tensors);
    private IDisposable? _owned = owned;

    /// <summary>The reply; tensors have type and shape, their content only after <see cref="Fill"/>.</summary>
    public IMessage Message { get; } = message;

    /// <summary>True = stored at the first execution of the request id.</summary>
    public bool Replayed { get; init; }

    /// <summary>Type and shape now, elements when the reply is filled.</summary>
    public V1.Tensor Add(Tensor source)
    {
        var wire = Describe(source);
        _contents.Add((wire, source));
        return wire;
    }

    /// <summary>Takes out the tensors of more bytes than this, which are sent otherwise: <see cref="Fill"/> does not see them. None of lists.</summary>
    public IReadOnlyList<(V1.Tensor Wire, Tensor Source)> TakeLarge(long bytes)
    {
        var large = _contents.FindAll(IsLarge);
        _contents.RemoveAll(IsLarge);
        return large;

        bool IsLarge((V1.Tensor Wire, Tensor Source) content) => !lists && content.Source.ByteCount > bytes;
    }

    public static V1.Tensor Describe(Tensor source) => Describe(source.DataType, source.Shape);

    public static V1.Tensor Describe(DataType type, Shape shape)
    {
        var wire = new V1.Tensor { DataType = WireTypes.Write(type) };
        wire.Shape.Capacity = shape.Rank;
        foreach (var d in shape.Dimensions)
            wire.Shape.Add(d);
        return wire;
    }

    /// <summary>Bytes of elements for which a message of a size has room beside ids, shapes and a usual profile.</summary>
    public static long Room(long maxMessageBytes) => maxMessageBytes - (maxMessageBytes / 8);

    /// <summary>
    /// Bytes that elements take until they are sent: in the connection's buffers; in lists also in the message, and a float32 has
    /// 8 in both.
    /// </summary>
    public static long Cost(long bytes, bool lists = false) => (lists ? 4 : 1) * bytes;

    /// <summary>
    /// Puts the elements into the message, without a copy; <paramref name="wire"/> counts what they take in the connection's
    /// buffers until the message is sent. Returns how many bytes they have.
    /// </summary>
    /// <exception cref="Engine.GradientsException">MESSAGE_TOO_LARGE, MEMORY_BUDGET_EXCEEDED.</exception>
    public long Fill(long maxBytes, long maxListBytes, WireCharge wire)
    {
        var elements = 0L;
        foreach (var (_, source) in _contents)
            elements += source.ByteCount;
        var bytes = Message.CalculateSize() + elements + ((long)_contents.Count * ContentHeader);
        if (bytes > maxBytes)
            throw Refusals.TooLarge(bytes, maxBytes);
        if (lists && elements > maxListBytes)
            throw Refusals.OverLists(elements, maxListBytes);
        wire.Ensure(Cost(elements, lists));
        foreach (var (tensor, source) in _contents)
        {
            if (lists)
                tensor.Values = TensorLists.Write(source);
            else
                tensor.Raw = UnsafeByteOperations.UnsafeWrap(new TensorMemory(source).Memory);
        }

        _contents.Clear();
        return elements;
    }

    public void Dispose() => Interlocked.Exchange(ref _owned, null)?.Dispose();
}
