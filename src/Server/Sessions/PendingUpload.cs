using Gradients.Engine;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Services;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions;

/// <summary>An upload by unary calls: its memory is reserved when it is opened and given back when it ends, however it does.</summary>
internal sealed class PendingUpload(ServerSession session, Tensor tensor, Quota quota, ulong id, GradientsServerOptions options, TimeProvider time)
{
    private readonly long _bytes = tensor.ByteCount;
    private readonly long _began = time.GetTimestamp();
    private readonly TensorAssembly _assembly = new(tensor, options.MaxChunkBytes);
    private long _lastUse = time.GetTimestamp();
    private string _handle = "";
    private bool _ended;

    public string Name { get; } = ResourceNames.Upload(id);

    /// <summary>Stores a chunk; one that came before changes nothing, and the last one makes the tensor. Callers take turns.</summary>
    /// <exception cref="GradientsException">CHUNK_OUT_OF_ORDER, CHECKSUM_MISMATCH, CONTENT_SIZE_MISMATCH, LIMIT_EXCEEDED, UPLOAD_TIMEOUT.</exception>
    public V1.UploadChunkResponse Store(V1.TensorChunk? chunk)
    {
        _lastUse = time.GetTimestamp();
        if (chunk is not null && (_ended || chunk.Offset < (ulong)_assembly.Received))
            CheckRepeated(chunk);
        else if (chunk is not null)
            StoreNext(chunk);
        if (!_ended && _assembly.IsComplete)
            Complete();
        return new V1.UploadChunkResponse { Upload = Name, ReceivedBytes = (ulong)_assembly.Received, Handle = _handle };
    }

    /// <summary>True when nothing came for as long as an upload may pause.</summary>
    public bool IsOver() => time.GetElapsedTime(Volatile.Read(ref _lastUse)) >= options.UploadIdleTimeout;

    /// <summary>Gives the memory back, unless the tensor has it; a second call does nothing.</summary>
    public void End()
    {
        if (_ended)
            return;
        _ended = true;
        tensor.Dispose();
        session.EndUpload(_bytes);
        quota.Give(1);
    }

    private void StoreNext(V1.TensorChunk chunk)
    {
        _assembly.Add(chunk);
        if (UploadReader.IsTooSlow(_assembly.Received, time.GetElapsedTime(_began), options))
        {
            End();
            throw UploadReader.TooSlow($"{_assembly.Received} bytes in {time.GetElapsedTime(_began)} are too few.");
        }
    }

    private void CheckRepeated(V1.TensorChunk chunk)
    {
        var isKnown = chunk.Offset <= (ulong)_assembly.Received && (ulong)chunk.Data.Length <= (ulong)_assembly.Received - chunk.Offset;
        if (!isKnown || (!_ended && !tensor.AsBytes().Slice((int)chunk.Offset, chunk.Data.Length).SequenceEqual(chunk.Data.Span)))
        {
            throw GradientsException.Invalid(ErrorReasons.ChunkOutOfOrder, $"A chunk starts at {chunk.Offset}; {_assembly.Received} bytes came before it, and it is none of them again.")
                .With("field", "chunk.offset").With("value", chunk.Offset.ToString());
        }
    }

    private void Complete()
    {
        _assembly.Complete();
        _handle = ResourceNames.Tensor(session.Engine.AddTensor(tensor.Share()));
        End();
    }
}
