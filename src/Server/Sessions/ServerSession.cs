using Google.Protobuf.WellKnownTypes;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Server.Graphs;
using Gradients.Server.Limits;

namespace Gradients.Server.Sessions;

/// <summary>A session as the server keeps it: the engine's session, its life time, its stored replies and its stream.</summary>
internal sealed class ServerSession : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly TenantUsage _owner;
    private DateTimeOffset _lastUse;
    private int _uses;
    private int _commands;
    private long _uploading;
    private ulong _callouts;
    private bool _ended;
    private Interaction? _stream;

    public ServerSession(TenantUsage owner, SessionName name, long sequence, string label, TimeSpan ttl, SessionLimits limits, GraphSession engine, int window, DateTimeOffset now)
    {
        _owner = owner;
        Key = name;
        Name = name.ToString();
        Sequence = sequence;
        Label = label;
        Ttl = ttl;
        Limits = limits;
        Engine = engine;
        Handles = engine.FindTensor;
        Requests = new RequestLog(window);
        Created = now;
        Closed = _closed.Token;
        _lastUse = now;
    }

    /// <summary>The owner.</summary>
    public string Tenant => _owner.Name;

    /// <summary>The graphs that the owner stored.</summary>
    public TenantGraphs Graphs => _owner.Graphs;

    public SessionName Key { get; }

    /// <summary>How refusals call it.</summary>
    public string Subject => $"session:{Name}";

    public string Name { get; }

    /// <summary>Position in the order of creation.</summary>
    public long Sequence { get; }

    public string Label { get; }

    public TimeSpan Ttl { get; }

    public SessionLimits Limits { get; }

    public GraphSession Engine { get; }

    /// <summary>Finds a kept tensor, as a share.</summary>
    public Func<ulong, Tensor> Handles { get; }

    public RequestLog Requests { get; }

    public PendingUploads Uploads { get; } = new();

    public DateTimeOffset Created { get; }

    /// <summary>Raised when the session has ended.</summary>
    public CancellationToken Closed { get; }

    /// <summary>Counts a user in and extends the session's life; false when it has ended or its time has passed.</summary>
    public bool TryUse(DateTimeOffset now)
    {
        lock (_gate)
        {
            if (_ended || IsOver(now))
                return false;
            _uses++;
            _lastUse = now;
            return true;
        }
    }

    public void Done(DateTimeOffset now)
    {
        lock (_gate)
        {
            _uses--;
            _lastUse = now;
        }
    }

    /// <summary>Whether commands wait or run.</summary>
    public bool HasCommands => Volatile.Read(ref _commands) > 0;

    /// <summary>A command waits or runs, until <see cref="EndCommand"/>.</summary>
    public void BeginCommand() => Interlocked.Increment(ref _commands);

    public void EndCommand()
    {
        if (Interlocked.Decrement(ref _commands) == 0)
            Volatile.Read(ref _stream)?.Settle();
    }

    public void Touch(DateTimeOffset now)
    {
        lock (_gate)
            _lastUse = now;
    }

    public bool IsExpired(DateTimeOffset now)
    {
        lock (_gate)
            return IsOver(now);
    }

    /// <summary>Counts bytes of an upload that has begun; SESSION_QUOTA when the session could not hold them.</summary>
    public void ReserveUpload(long bytes)
    {
        var uploading = Interlocked.Add(ref _uploading, bytes);
        if (uploading <= Limits.MaxBytes - Engine.HeldBytes)
            return;
        Interlocked.Add(ref _uploading, -bytes);
        throw GradientsException.Exhausted(ErrorReasons.SessionQuota, $"The session holds {Engine.HeldBytes} bytes; with {bytes} more it would be above its limit of {Limits.MaxBytes}.")
            .Limited("session.max_bytes", bytes.ToString(), Subject);
    }

    public void EndUpload(long bytes) => Interlocked.Add(ref _uploading, -bytes);

    /// <summary>Makes this stream the session's; the one before it ends.</summary>
    public void Attach(Interaction stream) => Interlocked.Exchange(ref _stream, stream)?.TakeOver();

    /// <summary>A number for a call-out that no stream of the session had before.</summary>
    public ulong NextCallout() => Interlocked.Increment(ref _callouts);

    /// <summary>Asks the stream that owns the session. Takes the call-out over.</summary>
    /// <exception cref="GradientsException">CALLOUT_UNAVAILABLE, or what the call-out ends with.</exception>
    public Task<IReadOnlyList<Tensor?>> AskAsync(Callout callout, ulong tag, string traceId, CancellationToken cancellation)
    {
        if (Volatile.Read(ref _stream) is { } stream)
            return stream.Callouts.AskAsync(callout, tag, traceId, cancellation);
        callout.Dispose();
        return Task.FromException<IReadOnlyList<Tensor?>>(StreamCallouts.Unavailable());
    }

    /// <summary>The refusal of a command from inside a call-out that waits; null when it can be executed.</summary>
    public GradientsException? Nested(ulong callout) => Volatile.Read(ref _stream)?.Callouts.Nested(callout);

    public void Detach(Interaction stream) => Interlocked.CompareExchange(ref _stream, null, stream);

    public V1.Session Describe()
    {
        DateTimeOffset lastUse;
        lock (_gate)
            lastUse = _lastUse;
        return new V1.Session
        {
            Name = Name,
            Label = Label,
            CreateTime = Created.ToTimestamp(),
            ExpireTime = (lastUse + Ttl).ToTimestamp(),
            Ttl = Ttl.ToDuration(),
            Limits = new V1.SessionLimits { MaxBytes = (ulong)Limits.MaxBytes, MaxNodes = (ulong)Limits.Graph.MaxNodes, MaxRuns = (ulong)Limits.MaxRuns },
            HeldBytes = (ulong)(Engine.HeldBytes + Interlocked.Read(ref _uploading)),
            NodeCount = (ulong)Engine.NodeCount,
            VariableCount = (ulong)Engine.VariableCount,
            RunCount = (ulong)Engine.RunCount,
        };
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_ended)
                return;
            _ended = true;
        }

        _closed.Cancel();
        Uploads.Close();
        Engine.Dispose();
        _owner.Sessions.Give(1);
        _closed.Dispose();
    }

    private bool IsOver(DateTimeOffset now) => _uses == 0 && now - _lastUse >= Ttl;
}
