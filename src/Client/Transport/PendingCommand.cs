namespace Gradients.Client.Transport;

/// <summary>A command until its result arrives.</summary>
/// <param name="command">What is sent; its tag is given when it is queued.</param>
/// <param name="changesState">Values read before it differ from values read after it.</param>
internal sealed class PendingCommand(V1.SessionCommand command, bool changesState)
{
    private readonly TaskCompletionSource<V1.CommandResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public V1.SessionCommand Command { get; } = command;

    public bool ChangesState { get; } = changesState;

    /// <summary>The server never executes it twice.</summary>
    public bool IsIdentified { get; init; }

    /// <summary>Takes the reports that precede the result; it neither waits nor throws. Null for commands that have none.</summary>
    public Action<V1.TrainReport>? Reported { get; init; }

    public CommandStage Stage { get; set; }

    /// <summary>It was written to a stream before, perhaps an earlier one.</summary>
    public bool WasSent { get; set; }

    /// <summary>Nobody waits for it any more.</summary>
    public bool IsAbandoned { get; set; }

    public Task<V1.CommandResult> Result => _result.Task;

    public void Complete(V1.CommandResult result) => _result.TrySetResult(result);

    public void Fail(Exception error)
    {
        _result.TrySetException(error);
        // Nobody may be waiting: an abandoned command's failure is not news.
        _ = _result.Task.Exception;
    }

    public void Cancel(CancellationToken token) => _result.TrySetCanceled(token);
}

internal enum CommandStage
{
    Queued,
    Writing,
    Sent,
}
