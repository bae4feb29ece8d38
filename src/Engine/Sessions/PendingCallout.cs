using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Gradients.Engine.Execution;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>
/// A call-out that was asked. Its answer, its failure and the end of its request may come at the same time on any thread:
/// the first counts, and values that come too late are given back.
/// </summary>
internal sealed class PendingCallout : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _over;
    private readonly CancellationTokenRegistration _cancelled;
    private readonly Action _resume;
    private IReadOnlyList<Tensor?>? _values;
    private ExceptionDispatchInfo? _failure;
    private bool _disposed;

    /// <param name="resume">Called on any thread when there is an answer or the request is cancelled.</param>
    public PendingCallout(Action resume, CancellationToken cancellation)
    {
        _resume = resume;
        _over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _cancelled = cancellation.UnsafeRegister(state => ((PendingCallout)state!)._resume(), this);
    }

    /// <summary>The Stopwatch timestamp at which it was asked.</summary>
    public long Began { get; } = Stopwatch.GetTimestamp();

    /// <summary>Whether <see cref="Take"/> has something to give.</summary>
    public bool IsDone
    {
        get
        {
            lock (_gate)
                return _values is not null || _failure is not null;
        }
    }

    /// <summary>Asks. Whatever comes of it is kept for <see cref="Take"/>.</summary>
    public async Task AskAsync(CalloutHandler handler, Callout callout)
    {
        IReadOnlyList<Tensor?>? values = null;
        ExceptionDispatchInfo? failure = null;
        try
        {
            values = await handler(callout, _over.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            failure = ExceptionDispatchInfo.Capture(e);
        }

        lock (_gate)
        {
            if (!_disposed)
                (_values, values, _failure) = (values, null, failure);
        }

        GiveBack(values);
        _resume();
    }

    /// <summary>The values, which stay this object's until it is disposed.</summary>
    /// <exception cref="GradientsException">What the handler failed with; other exceptions are its faults.</exception>
    public IReadOnlyList<Tensor?> Take()
    {
        _failure?.Throw();
        return _values!;
    }

    public void Dispose()
    {
        IReadOnlyList<Tensor?>? values;
        lock (_gate)
        {
            _disposed = true;
            (values, _values) = (_values, null);
        }

        GiveBack(values);
        _cancelled.Dispose();
        _over.Cancel();
        _over.Dispose();
    }

    private static void GiveBack(IReadOnlyList<Tensor?>? values)
    {
        foreach (var value in values ?? [])
            value?.Dispose();
    }
}
