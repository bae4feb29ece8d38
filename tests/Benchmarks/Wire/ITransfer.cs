namespace Gradients.Benchmarks.Wire;

/// <summary>One way to move tensors to a server and back.</summary>
internal interface ITransfer : IAsyncDisposable
{
    /// <summary>The largest tensor that it moves.</summary>
    int MaxBytes { get; }

    /// <summary>Sends a tensor and reads it back, which is what the later calls move; false when it comes back different.</summary>
    /// <param name="content">float32 elements.</param>
    Task<bool> PrepareAsync(byte[] content);

    Task UploadAsync(int count);

    Task DownloadAsync(int count);

    /// <summary>Gives back what the server holds of uploads; not timed.</summary>
    Task SettleAsync();
}
