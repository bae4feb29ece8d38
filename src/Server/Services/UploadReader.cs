using System.Runtime.CompilerServices;
using Gradients.Engine;
using Gradients.Engine.Tensors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Wire;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Reads an upload, message by message, with a limit on pauses and on slowness.</summary>
internal sealed class UploadReader(IAsyncStreamReader<V1.UploadTensorRequest> requests, WireLease wire, GradientsServerOptions options, TimeProvider time, CallScope scope) : IDisposable
{
    private readonly long _began = time.GetTimestamp();

    /// <summary>The next message; null when the client has closed its side.</summary>
    /// <exception cref="GradientsException">UPLOAD_TIMEOUT.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<V1.UploadTensorRequest?> NextAsync()
    {
        // The message before is done with.
        wire.ReleaseReceived();
        scope.EndAfter(options.UploadIdleTimeout);
        try
        {
            return await requests.MoveNext(scope.Cancellation) ? requests.Current : null;
        }
        catch (OperationCanceledException) when (scope.IsTimedOut)
        {
            throw TooSlow($"No chunk came for {options.UploadIdleTimeout}.");
        }
        finally
        {
            scope.EndAfter(Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Receives all bytes of a tensor: in order, without gaps, and no more.</summary>
    /// <exception cref="GradientsException">CHUNK_OUT_OF_ORDER, CHECKSUM_MISMATCH, CONTENT_SIZE_MISMATCH, LIMIT_EXCEEDED, UPLOAD_TIMEOUT.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask FillAsync(Tensor tensor)
    {
        using var destination = new Destination(tensor);
        wire.Destination = destination;
        var assembly = new TensorAssembly(tensor, options.MaxChunkBytes, destination);
        while (await NextAsync() is { } message)
        {
            if (message.PartCase != V1.UploadTensorRequest.PartOneofCase.Chunk)
                throw GradientsException.Invalid(ErrorReasons.ChunkOutOfOrder, "After the header come chunks only.").With("field", "chunk");
            assembly.Add(message.Chunk);
            if (IsTooSlow(assembly.Received, time.GetElapsedTime(_began), options))
                throw TooSlow($"{assembly.Received} bytes in {time.GetElapsedTime(_began)} are too few.");
        }

        assembly.Complete();
    }

    public void Dispose()
    {
        wire.Destination = null;
        wire.ReleaseReceived();
    }

    /// <summary>True when fewer bytes came than the least rate, the first pause's worth of time left out.</summary>
    public static bool IsTooSlow(long received, TimeSpan elapsed, GradientsServerOptions options) =>
        elapsed - options.UploadIdleTimeout is var late && late > TimeSpan.Zero && received < late.TotalSeconds * options.UploadMinBytesPerSecond;

    public static GradientsException TooSlow(string message) => new(ErrorCode.DeadlineExceeded, ErrorReasons.UploadTimeout, message);
}
