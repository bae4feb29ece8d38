using Gradients.Client.Protocol;
using Gradients.Engine;
using Gradients.Engine.Tensors;
using Grpc.Core;

namespace Gradients.Client.Transport;

/// <summary>A tensor of a result that arrives in parts.</summary>
internal sealed class PartAssembly
{
    private readonly DataType _dataType;
    private readonly Shape _shape;
    private readonly byte[] _bytes;
    private int _received;

    public PartAssembly(V1.TensorHeader header)
    {
        _dataType = (DataType)header.DataType;
        _shape = new Shape([.. header.Shape]);
        _bytes = GC.AllocateUninitializedArray<byte>(checked((int)(_shape.ElementCount * _dataType.Size())));
    }

    public void Add(V1.TensorChunk chunk)
    {
        if (chunk.Offset != (ulong)_received || chunk.Data.Length > _bytes.Length - _received)
            throw Errors.Local(StatusCode.DataLoss, ErrorReasons.ChunkOutOfOrder, $"A chunk starts at {chunk.Offset}; {_received} of {_bytes.Length} bytes had arrived.");
        chunk.Data.Span.CopyTo(_bytes.AsSpan(_received));
        _received += chunk.Data.Length;
    }

    public TensorData Complete() => _received == _bytes.Length
        ? new TensorData(_dataType, _shape, _bytes)
        : throw Errors.Local(StatusCode.DataLoss, ErrorReasons.ContentSizeMismatch, $"The result came after {_received} of {_bytes.Length} bytes of its tensor.");
}
