using Gradients.Engine.Tensors;
using Gradients.Server.Wire;

namespace Gradients.Server.Limits;

/// <summary>The part of a tensor that the chunks which come next fill.</summary>
internal sealed class Destination(Tensor tensor)
{
    /// <summary>Bytes that have come.</summary>
    public long Filled { get; set; }

    /// <summary>The place of the next bytes; null when there are not so many left.</summary>
    public PooledContent? TryPlace(int bytes) =>
        bytes <= tensor.ByteCount - Filled ? new PooledContent(tensor.Buffer.Retain(), Filled, bytes, account: null) : null;
}
