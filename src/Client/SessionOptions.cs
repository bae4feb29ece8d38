namespace Gradients.Client;

/// <summary>How a session is opened and used.</summary>
public sealed record SessionOptions
{
    /// <summary>A name for people, at most 256 characters. Default empty.</summary>
    public string Label { get; init; } = "";

    /// <summary>Time without requests after which the session ends. Null: the server's default.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>Bytes that the session may hold; lowered to what the server allows. 0: the server's default.</summary>
    public ulong MaxBytes { get; init; }

    /// <summary>Deadline of requests that name none. Null: none.</summary>
    public TimeSpan? RequestTimeout { get; init; }

    /// <summary>Tensors of more bytes travel in chunks beside the stream of requests. Default 1 MiB, lowered to a quarter of the server's largest message.</summary>
    public int InlineLimitBytes { get; init; } = 1 << 20;

    /// <summary>How long a lost connection is tried again before its requests fail. Default 30 seconds.</summary>
    public TimeSpan ReconnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Chunks carry CRC-32C checksums. Default false.</summary>
    public bool Checksums { get; init; }
}
