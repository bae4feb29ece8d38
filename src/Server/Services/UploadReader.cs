using System.Runtime.CompilerServices;
using Gradients.Engine;
using Gradients.Engine.Tensors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Wire;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Reads an upload, message by message, with a limit on pauses and on slowness.</summary>
internal sealed class UploadReader : IDisposable
{
    private readonly IAsyncStreamReader<V1.UploadTensorRequest> _requests;
    private readonly WireLease _wire;
    private readonly GradientsServerOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _cancellation;
    private readonly ITimer _pause;
    private readonly long _began;
    private volatile bool _timedOut;

    public UploadReader(IAsyncStreamReader<V1.UploadTensorRequest> requests, WireLease wire, GradientsServerOptions options, TimeProvider time, CancellationToken cancellation)
    {
        _requests = requests;
        _wire = wire;
        _options = options;
        _time = time;
        _began = time.GetTimestamp();
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _pause = time.CreateTimer(_ => TimeOut(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Ends the upload: its session has ended.</summary>
    public void Cancel() => _cancellation.Cancel();

    /// <summary>The next message; null when the client has closed its side.</summary>
    /// <exception cref="GradientsException">UPLOAD_TIMEOUT.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<V1.UploadTensorRequest?> NextAsync()
    {
        // The message before is done with.
        _wire.ReleaseReceived();
        _pause.Change(_options.UploadIdleTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            return await _requests.MoveNext(_cancellation.Token) ? _requests.Current : null;
        }
        catch (OperationCanceledException) when (_timedOut)
        {
            throw TooSlow($"No chunk came for {_options.UploadIdleTimeout}.");
        }
        finally
        {
            _pause.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Receives all bytes of a tensor: in order, without gaps, and no more.</summary>
    /// <exception cref="GradientsException">CHUNK_OUT_OF_ORDER, CHECKSUM_MISMATCH, CONTENT_SIZE_MISMATCH, LIMIT_EXCEEDED, UPLOAD_TIMEOUT.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask FillAsync(Tensor tensor)
    {
        using var destination = new Destination(tensor);
        _wire.Destination = destination;
        var assembly = new TensorAssembly(tensor, _options.MaxChunkBytes, destination);
        while (await NextAsync() is { } message)
        {
            if (message.PartCase != V1.UploadTensorRequest.PartOneofCase.Chunk)
                throw GradientsException.Invalid(ErrorReasons.ChunkOutOfOrder, "After the header come chunks only.").With("field", "chunk");
            assembly.Add(message.Chunk);
            if (IsTooSlow(assembly.Received, _time.GetElapsedTime(_began), _options))
                throw TooSlow($"{assembly.Received} bytes in {_time.GetElapsedTime(_began)} are too few.");
        }

        assembly.Complete();
    }

    public void Dispose()
    {
        _wire.Destination = null;
        _wire.ReleaseReceived();
        _pause.Dispose();
        _cancellation.Dispose();
    }

    /// <summary>True when fewer bytes came than the least rate, the first pause's worth of time left out.</summary>
    public static bool IsTooSlow(long received, TimeSpan elapsed, GradientsServerOptions options) =>
        elapsed - options.UploadIdleTimeout is var late && late > TimeSpan.Zero && received < late.TotalSeconds * options.UploadMinBytesPerSecond;

    public static GradientsException TooSlow(string message) => new(ErrorCode.DeadlineExceeded, ErrorReasons.UploadTimeout, message);

    private void TimeOut()
    {
        _timedOut = true;
        try
        {
            _cancellation.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The upload ended at the same moment.
        }
    }
}
