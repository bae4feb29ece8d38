using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Gradients.Engine;
using Gradients.Server.Errors;
using Gradients.Server.Services;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Hosting;

/// <summary>
/// How a client sends on a two-way stream: a message that has begun to come may neither pause for long nor come below the least
/// rate, and all messages together have a limit. Between messages the stream may be silent. Stands between the connection and
/// gRPC's reader, which takes whole messages only.
/// </summary>
internal sealed class StreamPace : PipeReader, IRequestBodyPipeFeature, IDisposable
{
    private readonly PipeReader _inner;
    private readonly GradientsServerOptions _options;
    private readonly TimeProvider _time;
    private readonly ITimer _pause;
    private Action<GradientsException> _end;
    private GradientsException? _cause;
    private ReadOnlySequence<byte> _read;
    private long _total;
    private long _pending;
    private long _began;

    /// <param name="end">Who ends the call until <see cref="Tell"/> says otherwise.</param>
    public StreamPace(PipeReader inner, GradientsServerOptions options, TimeProvider time, Action<GradientsException> end)
    {
        (_inner, _options, _time, _end) = (inner, options, time, end);
        _pause = time.CreateTimer(_ => End(UploadReader.TooSlow($"A message had begun, and no more of it came for {options.UploadIdleTimeout}.")), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public PipeReader Reader => this;

    public static StreamPace Of(ServerCallContext call) => call.GetHttpContext().Features.GetRequiredFeature<StreamPace>();

    /// <summary>Who ends the stream; told at once when it is to end already.</summary>
    public void Tell(Action<GradientsException> end)
    {
        Volatile.Write(ref _end, end);
        if (Volatile.Read(ref _cause) is { } cause)
            end(cause);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        var result = await _inner.ReadAsync(cancellationToken);
        _read = result.Buffer;
        return result;
    }

    public override bool TryRead(out ReadResult result)
    {
        if (!_inner.TryRead(out result))
            return false;
        _read = result.Buffer;
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var used = _read.Slice(_read.Start, consumed).Length;
        var rest = _read.Length - used;
        _read = default;
        _inner.AdvanceTo(consumed, examined);
        if (used > 0)
            Pass(used);
        else if (rest > _pending)
            Wait(rest);
    }

    public override void CancelPendingRead() => _inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => _inner.Complete(exception);

    public void Dispose() => _pause.Dispose();

    /// <summary>A whole message was taken.</summary>
    private void Pass(long bytes)
    {
        _total += bytes;
        if (_pending > 0)
            _pause.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _pending = 0;
        if (_total > _options.MaxStreamBytes)
            End(Refusals.OverLimit("message", "max_stream_bytes", _options.MaxStreamBytes, _total));
    }

    /// <summary>A part of a message is there, and more of it than before.</summary>
    private void Wait(long bytes)
    {
        if (_pending == 0)
            _began = _time.GetTimestamp();
        _pending = bytes;
        _pause.Change(_options.UploadIdleTimeout, Timeout.InfiniteTimeSpan);
        var elapsed = _time.GetElapsedTime(_began);
        if (UploadReader.IsTooSlow(bytes, elapsed, _options))
            End(UploadReader.TooSlow($"{bytes} bytes of a message in {elapsed} are too few."));
    }

    private void End(GradientsException cause)
    {
        if (Interlocked.CompareExchange(ref _cause, cause, null) is not null)
            return;
        try
        {
            Volatile.Read(ref _end)(cause);
        }
        catch (ObjectDisposedException)
        {
            // The stream ended at the same moment.
        }
    }
}
