using Google.Protobuf;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Limits;

namespace Gradients.Server.Wire;

/// <summary>
/// A reply whose tensors stay in the engine's memory, from which they are written to the connection. Holds the tensors until
/// disposed, which must be after it is written.
/// </summary>
internal sealed class Reply(IMessage message) : IDisposable
{
    // Tag and length of a content, and what longer lengths add to the messages around it.
    private const int ContentHeader = 32;

    private readonly List<(V1.Tensor Wire, Tensor Source)> _contents = [];
    private readonly List<IDisposable> _owned = [];

    /// <summary>The reply; tensors have type and shape, their content only after <see cref="Fill"/>.</summary>
    public IMessage Message { get; } = message;

    /// <summary>True = stored at the first execution of the request id.</summary>
    public bool Replayed { get; init; }

    /// <summary>Disposes <paramref name="owned"/> with the reply.</summary>
    public void Own(IDisposable owned) => _owned.Add(owned);

    /// <summary>Type and shape now, elements when the reply is filled.</summary>
    public V1.Tensor Add(Tensor source)
    {
        var wire = Describe(source);
        _contents.Add((wire, source));
        return wire;
    }

    public static V1.Tensor Describe(Tensor source)
    {
        var wire = new V1.Tensor { DataType = WireTypes.Write(source.DataType) };
        foreach (var d in source.Shape.Dimensions)
            wire.Shape.Add(d);
        return wire;
    }

    /// <summary>Bytes of elements for which a message of a size has room beside ids, shapes and a usual profile.</summary>
    public static long Room(long maxMessageBytes) => maxMessageBytes - (maxMessageBytes / 8);

    /// <summary>
    /// Puts the elements into the message, without a copy; <paramref name="wire"/> counts what they take in the connection's
    /// buffers until the message is sent. Returns how many bytes they have.
    /// </summary>
    /// <exception cref="Engine.GradientsException">MESSAGE_TOO_LARGE, MEMORY_BUDGET_EXCEEDED.</exception>
    public long Fill(long maxBytes, WireCharge wire)
    {
        var elements = _contents.Sum(c => c.Source.ByteCount);
        var bytes = Message.CalculateSize() + elements + ((long)_contents.Count * ContentHeader);
        if (bytes > maxBytes)
            throw Refusals.TooLarge(bytes, maxBytes);
        wire.Ensure(elements);
        foreach (var (tensor, source) in _contents)
            tensor.Raw = UnsafeByteOperations.UnsafeWrap(new TensorMemory(source).Memory);
        _contents.Clear();
        return elements;
    }

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
        _owned.Clear();
    }
}
