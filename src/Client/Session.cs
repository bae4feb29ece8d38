using Gradients.Client.Protocol;
using Gradients.Client.Transport;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>
/// A session on a server: a graph that grows, its variables and its runs. Nodes are made here without a round trip; their
/// definitions travel with the next request. Requests apply in the order in which they are made, also when they are not
/// awaited one by one. A lost connection is opened again and what was not answered is sent again; nothing is applied twice.
/// Disposing ends the session on the server.
/// </summary>
public sealed partial class Session : TopLevelGraph, IAsyncDisposable
{
    private readonly V1.SessionService.SessionServiceClient _sessions;
    private readonly SessionOptions _options;
    private readonly TransferLimits _limits;
    private readonly TensorTransfer _transfer;
    private readonly CommandStream _stream;
    private readonly RequestIdentity _identity = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly Stack<NodeScope> _scopes = new();
    private PendingChanges _changes = new();
    private Task _turn = Task.CompletedTask;
    private long _variableBytes;
    private int _disposed;

    internal Session(V1.Session session, CallInvoker invoker, V1.Limits limits, SessionOptions options, TimeProvider time)
    {
        Name = session.Name;
        _options = options;
        _limits = TransferLimits.Of(limits, options.InlineLimitBytes);
        _sessions = new V1.SessionService.SessionServiceClient(invoker);
        _transfer = new TensorTransfer(invoker, session.Name, _limits, options, time);
        _stream = new CommandStream(_sessions, session.Name, _limits.Window, options.ReconnectTimeout, time, ReleaseUnclaimed, Answer);
    }

    /// <summary>The name in the contract, <c>sessions/{id}</c>. Whoever knows it may use the session.</summary>
    public string Name { get; }

    /// <summary>
    /// Until disposed, collects the nodes made here; disposing releases them all with the next request. Variables stay. A loop
    /// that builds its graph anew each step keeps flat memory with one scope a step. Scopes nest.
    /// </summary>
    public NodeScope Scope()
    {
        var scope = new NodeScope(this);
        _scopes.Push(scope);
        return scope;
    }

    /// <summary>Releases nodes with the next request. Values that others still depend on stay on the server until those go. A variable's value goes with it.</summary>
    public void Release(params ReadOnlySpan<Node> nodes)
    {
        lock (Gate)
        {
            foreach (var node in nodes)
            {
                node.RequireOwner(this);
                if (node.IsReleased)
                    continue;
                node.IsReleased = true;
                _changes.ReleasedNodes.Add(node.Id);
                if (node is Variable)
                    _variableBytes -= node.ByteCount ?? 0;
            }
        }
    }

    /// <summary>What the server tells of the session: bytes held, counts, limits granted. Does not extend its life.</summary>
    public async Task<V1.Session> GetInfoAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return (await _sessions.GetSessionAsync(new V1.GetSessionRequest { Name = Name }, cancellationToken: cancellationToken).ConfigureAwait(false)).Session;
        }
        catch (RpcException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Errors.Remote(e);
        }
    }

    /// <summary>Ends the session on the server, without waiting for requests in flight: these fail.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _closing.CancelAsync().ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
        _closing.Dispose();
        try
        {
            await _sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = Name }).ConfigureAwait(false);
        }
        catch (RpcException)
        {
            // Already gone, or out of reach: it ends by its time to live.
        }
    }

    internal void ReleaseRun(string run)
    {
        lock (Gate)
            _changes.ReleasedRuns.Add(run);
    }

    internal void ReleaseHandle(string handle)
    {
        lock (Gate)
            _changes.ReleasedHandles.Add(handle);
    }

    internal void EndScope(NodeScope scope, List<Node> nodes)
    {
        if (_scopes.Count == 0 || _scopes.Peek() != scope)
            throw new InvalidOperationException("Scopes end in the reverse order of their beginning.");
        _scopes.Pop();
        Release([.. nodes]);
    }

    private protected override void Defined(Node node, V1.Node definition)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        _changes.Nodes.Add(definition.Id, definition);
        if (node is Variable)
            _variableBytes += node.ByteCount ?? 0;
        else if (_scopes.TryPeek(out var scope))
            scope.Add(node);
    }

    private protected override void FunctionDefined(V1.Function function) => _changes.Functions.Add(function);

    private protected override void Included(V1.Tensor message, TensorData data)
    {
        if (data.ByteCount <= _limits.InlineBytes)
            return;
        message.ClearContent();
        lock (Gate)
            _changes.AddLarge(message, data);
    }

    private protected override void VariableInitialized(Variable variable, TensorData value)
    {
        var tensor = value.ToMessage();
        _changes.Updates.Add(new V1.VariableUpdate { Variable = variable.Id, Tensor = tensor });
        Included(tensor, value);
    }

    internal override void Relabel(Node node, string label)
    {
        lock (Gate)
        {
            if (_changes.Nodes.TryGetValue(node.Id, out var definition))
                definition.Label = label;
        }
    }

    /// <summary>A reply that nobody waits for any more may name a run or handles: they go back.</summary>
    private void ReleaseUnclaimed(V1.CommandResult result)
    {
        if (result.Forward is { } forward)
        {
            if (forward.Run.Length > 0)
                ReleaseRun(forward.Run);
            ReleaseHandles(forward.Values.Select(v => v.Tensor));
        }

        if (result.Backward is { } backward)
            ReleaseHandles(backward.Values.Select(v => v.Tensor).Concat(backward.Gradients.Select(g => g.Tensor)));
    }

    private void ReleaseHandles(IEnumerable<V1.Tensor?> tensors)
    {
        foreach (var tensor in tensors)
        {
            if (tensor is { ContentCase: V1.Tensor.ContentOneofCase.Handle })
                ReleaseHandle(tensor.Handle);
        }
    }
}
