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

    /// <exception cref="InvalidDataException">What came is not as long as the tensor.</exception>
    Task DownloadAsync(int count);

    /// <summary>For what every download checks: a peer that returns something else is none.</summary>
    static void Require(long received, long expected)
    {
        if (received != expected)
            throw new InvalidDataException($"{received} of {expected} bytes came.");
    }

    /// <summary>Gives back what the server holds of uploads; not timed.</summary>
    Task SettleAsync();
}
