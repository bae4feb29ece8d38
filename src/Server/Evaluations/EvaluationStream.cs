using System.Threading.Channels;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Services;
using Gradients.Server.Telemetry;
using Gradients.Server.Wire;
using Grpc.Core;
using Status = Google.Rpc.Status;

namespace Gradients.Server.Evaluations;

/// <summary>
/// One EvaluateStream. A loop reads: parts of tensors are stored at once, evaluations are started without waiting for those
/// before them. A second loop writes results in the order of the requests. Only so many results may wait: then nothing is
/// read until the client has read.
/// </summary>
internal sealed class EvaluationStream : IDisposable
{
    // What a message needs around one result.
    private const int Envelope = 256;

    private const int BatchBytes = 1 << 16;

    private readonly Evaluator _evaluator;
    private readonly EngineHost _host;
    private readonly GradientsServerOptions _options;
    private readonly Drain _drain;
    private readonly TimeProvider _time;
    private readonly RequestMetrics _metrics;
    private readonly ServerCallContext _call;
    private readonly ILogger _logger;
    private readonly TenantUsage _tenant;
    private readonly WireLease _wire;
    private readonly StreamTensors _tensors;
    private readonly StreamLife _life;
    private readonly ITimer _pause;
    private readonly Channel<Task<Outcome>> _results = Channel.CreateUnbounded<Task<Outcome>>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly SemaphoreSlim _unwritten;
    private TimeSpan _waited;
    private ulong _lastHandle;
    private int _unsent;

    public EvaluationStream(Evaluator evaluator, EngineHost host, GradientsServerOptions options, Drain drain, TimeProvider time, RequestMetrics metrics, ServerCallContext call, ILogger logger)
    {
        (_evaluator, _host, _options, _drain, _time, _metrics, _call, _logger) = (evaluator, host, options, drain, time, metrics, call, logger);
        (_tenant, _wire) = (TenantCall.Of(call).Tenant, TenantCall.Of(call).Wire);
        _tensors = new StreamTensors(host, _tenant, options);
        _unwritten = new SemaphoreSlim(options.MaxQueuedCommands);
        _life = new StreamLife(options, drain, time, CallScope.Of(call).Cancellation);
        StreamPace.Of(call).Tell(cause => _life.End(cause, finish: true));
        _pause = time.CreateTimer(_ => _life.End(new GradientsException(ErrorCode.DeadlineExceeded, ErrorReasons.UploadTimeout, $"No chunk came for {options.UploadIdleTimeout}."), finish: true), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public Task RunAsync(IAsyncStreamReader<V1.EvaluateStreamRequest> requests, IServerStreamWriter<V1.EvaluateStreamResponse> responses)
    {
        var writing = WriteAsync(responses);
        return _life.RunAsync(ReadAsync(requests), () => _results.Writer.Complete(), writing);
    }

    public void Dispose()
    {
        _pause.Dispose();
        _tensors.Dispose();
        _life.Dispose();
        _unwritten.Dispose();
    }

    private async Task ReadAsync(IAsyncStreamReader<V1.EvaluateStreamRequest> requests)
    {
        while (await NextAsync(requests))
        {
            _life.Touch();
            var message = new MessageHold(_wire.TakeReceived());
            try
            {
                if (Store(requests.Current) is { } outcome)
                {
                    // Refusals, too, wait for the client to read.
                    await _unwritten.WaitAsync(_life.Reading);
                    _results.Writer.TryWrite(Task.FromResult(outcome));
                }
                else if (requests.Current.ItemCase == V1.EvaluateStreamRequest.ItemOneofCase.Evaluate)
                {
                    await _unwritten.WaitAsync(_life.Reading);
                    _life.Begin();
                    message.Retain();
                    _results.Writer.TryWrite(EvaluateAsync(requests.Current, message));
                }
            }
            finally
            {
                message.Release();
            }
        }
    }

    /// <summary>The next message. Who owes chunks may pause for a while only; the time that the server itself takes does not count.</summary>
    private async Task<bool> NextAsync(IAsyncStreamReader<V1.EvaluateStreamRequest> requests)
    {
        var began = _time.GetTimestamp();
        if (_tensors.AwaitsChunks)
            _pause.Change(_options.UploadIdleTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            return await requests.MoveNext(_life.Reading);
        }
        finally
        {
            _pause.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _waited += _time.GetElapsedTime(began);
        }
    }

    /// <summary>Stores a part; what is refused has a result.</summary>
    private Outcome? Store(V1.EvaluateStreamRequest item)
    {
        try
        {
            if (item.ItemCase == V1.EvaluateStreamRequest.ItemOneofCase.Part)
                _tensors.Add(item.Part, _waited);
            else if (item.ItemCase != V1.EvaluateStreamRequest.ItemOneofCase.Evaluate)
                throw Refusals.Field("item", "an evaluation or a part is required.");
            return null;
        }
        catch (GradientsException e) when (e.Reason != ErrorReasons.UploadTimeout)
        {
            _metrics.Refused(e.Reason);
            return new Outcome(item.Tag, null, null, _wire.CreateReply(), ErrorStatus.Of(e, CallScope.Of(_call).Activity.TraceId));
        }
    }

    /// <summary>Evaluates one item; every failure is its own result.</summary>
    private async Task<Outcome> EvaluateAsync(V1.EvaluateStreamRequest item, MessageHold message)
    {
        var parent = item.Trace is { } trace ? RequestActivity.Parse(trace.Traceparent, trace.Tracestate) : default;
        using var activity = RequestActivity.Start("Evaluate", parent.TraceId == default ? CallScope.Of(_call).Activity.Context : parent);
        using var timeout = item.Timeout is null ? null : new CancellationTokenSource(Timeouts.Bound(item.Timeout.ToTimeSpan()), _time);
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(_life.Working, timeout?.Token ?? default);
        var wire = _wire.CreateReply();
        try
        {
            var reply = await _evaluator.EvaluateAsync(item.Evaluate, new EvaluationContext(_tenant, activity.Context, wire, _tensors.Find, _options.PreferredChunkBytes, cancellation.Token));
            ((V1.EvaluateResponse)reply.Message).TraceId = activity.TraceId;
            return new Outcome(item.Tag, activity.TraceId, reply, wire, null);
        }
        catch (Exception e)
        {
            wire.Dispose();
            var timedOut = timeout?.IsCancellationRequested == true || _call.Deadline <= TimeProvider.System.GetUtcNow().UtcDateTime;
            var status = Failure.Of(e, timedOut, _life.Working.IsCancellationRequested, _drain, activity.TraceId, out var fault);
            if (fault)
                _logger.Faulted(e, "Evaluate", activity.TraceId);
            var reason = ErrorStatus.ReasonOf(status);
            activity.SetError(reason);
            _metrics.Refused(reason);
            return new Outcome(item.Tag, activity.TraceId, null, wire, status);
        }
        finally
        {
            _life.Done();
            message.Release();
        }
    }

    private async Task WriteAsync(IServerStreamWriter<V1.EvaluateStreamResponse> responses)
    {
        try
        {
            while (await _results.Reader.WaitToReadAsync())
            {
                while (_results.Reader.TryRead(out var next))
                {
                    using var outcome = await next;
                    await WriteAsync(responses, outcome);
                    _unwritten.Release();
                    _life.Touch();
                }
            }
        }
        catch
        {
            // Nobody reads any more: stop what is in flight and give back what was to be sent.
            await _life.CancelAsync();
            await foreach (var left in _results.Reader.ReadAllAsync())
                (await left).Dispose();
            throw;
        }
    }

    private async Task WriteAsync(IServerStreamWriter<V1.EvaluateStreamResponse> responses, Outcome outcome)
    {
        var result = new V1.EvaluateStreamResponse { Tag = outcome.Tag };
        IReadOnlyList<(V1.Tensor Wire, Tensor Source)> large = [];
        ChunkBatch batch = default;
        try
        {
            if (outcome.Reply is { } reply)
            {
                large = reply.TakeLarge(_options.PreferredChunkBytes);
                if (large.Count > 0)
                    batch = ChunkBatch.Reserve(outcome.Wire, _options.PreferredChunkBytes, large.Max(l => l.Source.ByteCount));
                _host.Metrics.Sent(reply.Fill(_options.MaxMessageBytes - Envelope, _options.MaxListBytes, outcome.Wire));
                result.Response = (V1.EvaluateResponse)reply.Message;
            }
            else
            {
                result.Error = outcome.Error;
            }
        }
        catch (GradientsException e)
        {
            large = [];
            result.Error = ErrorStatus.Of(e, outcome.TraceId);
        }

        foreach (var (wire, source) in large)
        {
            wire.Handle = ResourceNames.Tensor(++_lastHandle);
            await WritePartsAsync(responses, outcome.Tag, wire.Handle, source, batch);
        }

        // Results that are ready together travel together while they are small.
        _unsent += result.CalculateSize();
        var waits = _unsent < BatchBytes && _results.Reader.TryPeek(out var next) && next.IsCompleted;
        if (!waits)
            _unsent = 0;
        responses.WriteOptions = waits ? ChunkBatch.Buffered : WriteOptions.Default;
        await responses.WriteAsync(result, _life.Working);
    }

    private async Task WritePartsAsync(IServerStreamWriter<V1.EvaluateStreamResponse> responses, ulong tag, string handle, Tensor tensor, ChunkBatch batch)
    {
        V1.EvaluateStreamResponse Part(V1.TensorPart part)
        {
            part.Handle = handle;
            return new V1.EvaluateStreamResponse { Tag = tag, Part = part };
        }

        responses.WriteOptions = ChunkBatch.Buffered;
        var described = Reply.Describe(tensor);
        await responses.WriteAsync(Part(new V1.TensorPart { Header = new V1.TensorHeader { DataType = described.DataType, Shape = { described.Shape } } }), _life.Working);
        var size = _options.PreferredChunkBytes;
        var elements = new TensorMemory(tensor).Memory;
        var message = Part(new V1.TensorPart { Chunk = new V1.TensorChunk() });
        for (var offset = 0; offset < elements.Length; offset += size)
        {
            var left = TensorChunks.Fill(message.Part.Chunk, elements, offset, size, checksum: false);
            responses.WriteOptions = batch.Add(message.Part.Chunk.Data.Length, left);
            await responses.WriteAsync(message, _life.Working);
            _host.Metrics.Sent(message.Part.Chunk.Data.Length);
            _life.Touch();
        }
    }

    private sealed record Outcome(ulong Tag, string? TraceId, Reply? Reply, WireCharge Wire, Status? Error) : IDisposable
    {
        public void Dispose()
        {
            Reply?.Dispose();
            Wire.Dispose();
        }
    }
}
