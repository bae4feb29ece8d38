using Gradients.Engine.Tensors;

namespace Gradients.Client;

/// <summary>An immutable tensor held by a session: uploaded once, fed many times. Disposing it gives its memory back with the next request.</summary>
public sealed class TensorHandle : IDisposable
{
    private Session? _session;

    internal TensorHandle(Session session, string name, DataType dataType, Shape shape)
    {
        _session = session;
        Name = name;
        DataType = dataType;
        Shape = shape;
    }

    /// <summary>The name in the contract, <c>tensors/{id}</c>.</summary>
    public string Name { get; }

    /// <summary>The type of the elements.</summary>
    public DataType DataType { get; }

    /// <summary>The dimensions, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>Bytes of all elements.</summary>
    public long ByteCount => Shape.ElementCount * DataType.Size();

    /// <summary>Reads the elements, in chunks.</summary>
    public Task<TensorData> DownloadAsync(CancellationToken cancellationToken = default) =>
        (_session ?? throw new ObjectDisposedException(nameof(TensorHandle))).DownloadAsync(this, cancellationToken);

    /// <summary>Gives the memory back with the next request.</summary>
    public void Dispose() => Interlocked.Exchange(ref _session, null)?.ReleaseHandle(Name);
}
