namespace Gradients.Client.Transport;

/// <summary>What fits into one message, and what does not.</summary>
/// <param name="InlineBytes">Larger tensors travel in chunks.</param>
/// <param name="MessageBytes">What the tensors of one request or reply may sum up to in messages.</param>
/// <param name="ChunkBytes">The size of a chunk.</param>
/// <param name="NodesPerRequest">The most nodes of one definition request.</param>
/// <param name="Window">The most commands in flight.</param>
internal sealed record TransferLimits(int InlineBytes, int MessageBytes, int ChunkBytes, int NodesPerRequest, int Window)
{
    private const int DefaultMessageBytes = 4 << 20;

    public static TransferLimits Of(V1.Limits limits, int inlineBytes)
    {
        // A client that was given its channel receives 4 MiB at most by default.
        var message = limits.MaxMessageBytes == 0 ? DefaultMessageBytes : (int)Math.Min(limits.MaxMessageBytes, DefaultMessageBytes);
        var chunk = limits.PreferredChunkBytes == 0 ? 256 << 10 : (int)Math.Min(limits.PreferredChunkBytes, (uint)message / 2);
        var nodes = limits.MaxNodesPerRequest == 0 ? 10_000 : (int)Math.Min(limits.MaxNodesPerRequest, 10_000);
        var window = limits.MaxQueuedCommands == 0 ? 64 : (int)Math.Clamp(limits.MaxQueuedCommands / 2, 1, 256);
        return new TransferLimits(Math.Min(inlineBytes, message / 4), message / 2, chunk, nodes, window);
    }
}
