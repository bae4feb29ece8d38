using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Wire;

namespace Gradients.Server.Evaluations;

/// <summary>
/// The tensors that a client sent in parts on one stream, by handle. A part that is refused makes its handle unknown, and the
/// chunks that follow it are passed over: one fault has one error.
/// </summary>
internal sealed class StreamTensors(EngineHost host, TenantUsage tenant, GradientsServerOptions options) : IDisposable
{
    private readonly Dictionary<ulong, Entry> _entries = [];
    private long _bytes;
    private int _incomplete;

    /// <summary>Whether the client owes chunks.</summary>
    public bool AwaitsChunks => _incomplete > 0;

    /// <param name="waited">How long the stream has waited for its client so far: the clock of slow senders.</param>
    /// <exception cref="GradientsException">What is wrong with the part; UPLOAD_TIMEOUT when its tensor comes too slowly.</exception>
    public void Add(V1.TensorPart part, TimeSpan waited)
    {
        var id = ResourceNames.Parse(part.Handle, ResourceNames.Tensors, "part.handle");
        switch (part.PartCase)
        {
            case V1.TensorPart.PartOneofCase.Header:
                Open(id, part.Header, waited);
                break;
            case V1.TensorPart.PartOneofCase.Chunk:
                Continue(id, part.Chunk, waited);
                break;
            case V1.TensorPart.PartOneofCase.Release when part.Release:
                Drop(id);
                break;
            default:
                throw Refusals.Field("part.part", "a header, a chunk or release = true is required.");
        }
    }

    /// <summary>A share of a tensor, which the caller disposes.</summary>
    /// <exception cref="GradientsException">TENSOR_NOT_FOUND, also while chunks are missing.</exception>
    public Tensor Find(ulong id)
    {
        if (_entries.TryGetValue(id, out var entry) && entry is { AwaitsChunks: false, Assembly: { } whole })
            return whole.Tensor.Share();
        throw GradientsException.NotFound(ErrorReasons.TensorNotFound, $"The stream has no tensor {id}{(entry?.Assembly is null ? "" : " yet: chunks are missing")}.");
    }

    public void Dispose()
    {
        foreach (var id in _entries.Keys.ToList())
            Drop(id);
    }

    private void Open(ulong id, V1.TensorHeader header, TimeSpan waited)
    {
        Drop(id);
        if (_entries.Count >= options.SessionMaxTensors)
            throw Refusals.OverLimit("part.header", "session.max_tensors", options.SessionMaxTensors, _entries.Count + 1);
        var entry = new Entry(waited);
        _entries.Add(id, entry);
        var type = WireTypes.Read(header.DataType, "part.header.data_type");
        var shape = WireTypes.ReadShape(header.Shape, "part.header.shape");
        var bytes = shape.ElementCount * type.Size();
        if (bytes > options.MaxTensorBytes)
            throw Refusals.OverLimit("part.header.shape", "max_tensor_bytes", options.MaxTensorBytes, bytes);
        if (bytes > options.SessionMaxBytes - _bytes)
            throw Refusals.OverLimit("part.header.shape", "session.max_bytes", options.SessionMaxBytes, bytes);
        tenant.Uploads.Take(1);
        try
        {
            entry.Assembly = new TensorAssembly(Tensor.Rent(host.Pool, type, shape, "upload", tenant.Bytes), options.MaxChunkBytes);
        }
        catch
        {
            tenant.Uploads.Give(1);
            throw;
        }

        _bytes += bytes;
        _incomplete++;
        entry.AwaitsChunks = true;
        if (entry.Assembly.IsComplete)
            Complete(entry, entry.Assembly);
    }

    private void Continue(ulong id, V1.TensorChunk chunk, TimeSpan waited)
    {
        if (!_entries.TryGetValue(id, out var entry))
            throw GradientsException.NotFound(ErrorReasons.TensorNotFound, $"The stream has no tensor {id}: its header comes first.");
        if (entry.Assembly is not { } assembly)
            return;
        try
        {
            assembly.Add(chunk);
            if (assembly.IsComplete)
                Complete(entry, assembly);
            else if (waited - entry.Opened - options.UploadIdleTimeout is var late && late > TimeSpan.Zero && assembly.Received < late.TotalSeconds * options.UploadMinBytesPerSecond)
                throw new GradientsException(ErrorCode.DeadlineExceeded, ErrorReasons.UploadTimeout, $"{assembly.Received} bytes in {waited - entry.Opened} are too few.");
        }
        catch
        {
            Give(entry, assembly);
            throw;
        }
    }

    private void Complete(Entry entry, TensorAssembly assembly)
    {
        assembly.Complete();
        host.Metrics.Received(assembly.Tensor.ByteCount);
        EndUpload(entry);
    }

    private void EndUpload(Entry entry)
    {
        if (!entry.AwaitsChunks)
            return;
        entry.AwaitsChunks = false;
        _incomplete--;
        tenant.Uploads.Give(1);
    }

    private void Drop(ulong id)
    {
        if (_entries.Remove(id, out var entry) && entry.Assembly is { } assembly)
            Give(entry, assembly);
    }

    /// <summary>Gives a tensor's memory back; evaluations that have a share keep it until they are done.</summary>
    private void Give(Entry entry, TensorAssembly assembly)
    {
        EndUpload(entry);
        entry.Assembly = null;
        _bytes -= assembly.Tensor.ByteCount;
        assembly.Tensor.Dispose();
    }

    /// <param name="opened">What the stream had waited when the header came.</param>
    private sealed class Entry(TimeSpan opened)
    {
        public TimeSpan Opened { get; } = opened;

        public bool AwaitsChunks { get; set; }

        /// <summary>Null = a part of it was refused.</summary>
        public TensorAssembly? Assembly { get; set; }
    }
}
