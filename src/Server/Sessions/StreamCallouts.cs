using System.Threading.Channels;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Tensors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions;

/// <summary>What a stream is sent without waiting for the results before it: call-outs and refusals.</summary>
/// <param name="IsResult">It answers a command that was counted as unwritten.</param>
internal readonly record struct Ahead(V1.CommandResult Result, WireCharge Wire, bool IsResult);

/// <summary>
/// The call-outs of one stream. Each waits until it is answered, fails, is given up by its request, or the time or the stream
/// is over: the first counts.
/// </summary>
/// <param name="wire">Where the memory of what is sent counts to.</param>
internal sealed class StreamCallouts(ServerSession session, EngineHost host, GradientsServerOptions options, TimeProvider time, WireLease wire)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Waiting> _waiting = [];
    private Func<GradientsException>? _closed;

    /// <summary>What is to be sent.</summary>
    public Channel<Ahead> Ahead { get; } = Channel.CreateUnbounded<Ahead>(new UnboundedChannelOptions { SingleReader = true });

    public bool IsEmpty
    {
        get
        {
            lock (_gate)
                return _waiting.Count == 0;
        }
    }

    public static GradientsException Unavailable() =>
        GradientsException.Precondition(ErrorReasons.CalloutUnavailable, "A Custom node is computed by the client, and no stream of the session can be asked, or the one that was asked has ended.");

    /// <summary>Whether a call-out waits for an answer.</summary>
    public bool IsWaiting(ulong callout)
    {
        lock (_gate)
            return _waiting.ContainsKey(callout);
    }

    /// <summary>Refuses a command that would wait for the command that waits for it.</summary>
    public GradientsException? Nested(ulong callout) => !IsWaiting(callout) ? null
        : GradientsException.Precondition(ErrorReasons.CalloutNested, $"The command comes from inside call-out {callout}: it would wait for the command that waits for its answer.").With("value", callout.ToString());

    /// <summary>Asks the client. Takes the call-out over.</summary>
    /// <param name="tag">Of the command that needs it.</param>
    public async Task<IReadOnlyList<Tensor?>> AskAsync(Callout callout, ulong tag, string traceId, CancellationToken cancellation)
    {
        var waiting = new Waiting(callout.Name);
        using var message = new CalloutMessage(session, session.NextCallout());
        var charge = wire.CreateReply();
        try
        {
            charge.Own(callout);
            message.Write(callout, options.MaxMessageBytes, charge);
            host.Metrics.Sent(callout.ByteCount);
            Enter(message.Request.Callout, waiting);
        }
        catch
        {
            charge.Dispose();
            throw;
        }

        using var timer = time.CreateTimer(_ => waiting.Values.TrySetException(Late()), null, options.CalloutTimeout, Timeout.InfiniteTimeSpan);
        await using var registration = cancellation.UnsafeRegister((_, token) => waiting.Values.TrySetCanceled(token), null);
        try
        {
            if (!Ahead.Writer.TryWrite(new Ahead(new V1.CommandResult { Tag = tag, TraceId = traceId, Callout = message.Request }, charge, IsResult: false)))
            {
                charge.Dispose();
                throw Unavailable();
            }

            return await waiting.Values.Task;
        }
        finally
        {
            lock (_gate)
                _waiting.Remove(message.Request.Callout);
        }
    }

    /// <summary>Takes an answer, right or wrong; false when no such call-out waits.</summary>
    public bool TryAnswer(V1.CalloutReply reply)
    {
        Waiting? waiting;
        lock (_gate)
        {
            if (!_waiting.Remove(reply.Callout, out waiting))
                return false;
        }

        try
        {
            if (reply.Error is { } error)
                throw GradientsException.Precondition(ErrorReasons.CalloutFailed, $"The client failed to compute Custom '{waiting.Name}': {error.Message}");
            var values = Read(reply);
            if (!waiting.Values.TrySetResult(values))
                GiveBack(values);
        }
        catch (GradientsException e)
        {
            waiting.Values.TrySetException(e);
        }

        return true;
    }

    /// <summary>No answer can come any more.</summary>
    public void Close(Func<GradientsException> cause)
    {
        Waiting[] left;
        lock (_gate)
        {
            _closed = cause;
            left = [.. _waiting.Values];
            _waiting.Clear();
        }

        foreach (var waiting in left)
            waiting.Values.TrySetException(cause());
    }

    private void Enter(ulong callout, Waiting waiting)
    {
        lock (_gate)
        {
            if (_closed is not null)
                throw _closed();
            _waiting.Add(callout, waiting);
        }
    }

    private Tensor?[] Read(V1.CalloutReply reply)
    {
        using var tensors = new TensorReader(host, session.Engine.Tenant, session.Handles, options);
        tensors.CheckCount(reply.Values.Count, "values");
        var values = new Tensor?[reply.Values.Count];
        try
        {
            for (var i = 0; i < values.Length; i++)
            {
                if (reply.Values[i].Tensor is { } tensor)
                    values[i] = tensors.Read(tensor, $"values[{i}].tensor").Share();
            }

            return values;
        }
        catch
        {
            GiveBack(values);
            throw;
        }
    }

    private GradientsException Late() =>
        new GradientsException(ErrorCode.DeadlineExceeded, ErrorReasons.CalloutTimeout, $"The client did not answer a call-out within {options.CalloutTimeout}; nothing has changed.");

    private static void GiveBack(IEnumerable<Tensor?> values)
    {
        foreach (var value in values)
            value?.Dispose();
    }

    private sealed record Waiting(string Name)
    {
        public TaskCompletionSource<IReadOnlyList<Tensor?>> Values { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
