using Gradients.Client.Protocol;
using Grpc.Core;

namespace Gradients.Client.Transport;

/// <summary>Commands without a result, in order: those written to the stream, then those that wait.</summary>
/// <param name="window">The most commands that are written and unanswered.</param>
internal sealed class CommandQueue(int window)
{
    private const int MaxBatchBytes = 256 << 10;

    private readonly Lock _gate = new();
    private readonly LinkedList<PendingCommand> _commands = [];
    private readonly Dictionary<ulong, LinkedListNode<PendingCommand>> _byTag = [];
    private LinkedListNode<PendingCommand>? _next;
    private int _inFlight;
    private ulong _lastTag;

    public bool IsEmpty
    {
        get
        {
            lock (_gate)
                return _commands.Count == 0;
        }
    }

    public void Add(PendingCommand command)
    {
        lock (_gate)
        {
            command.Command.Tag = ++_lastTag;
            var node = _commands.AddLast(command);
            _byTag.Add(_lastTag, node);
            _next ??= node;
        }
    }

    /// <summary>The next commands to write as one message, few enough for the window.</summary>
    public List<PendingCommand> Take()
    {
        lock (_gate)
        {
            var batch = new List<PendingCommand>();
            for (var bytes = 0; _next is not null && _inFlight < window && bytes < MaxBatchBytes; _next = _next.Next)
            {
                var command = _next.Value;
                var size = command.Command.CalculateSize();
                if (batch.Count > 0 && bytes + size > MaxBatchBytes)
                    break;
                bytes += size;
                command.Stage = CommandStage.Writing;
                command.WasSent = true;
                _inFlight++;
                batch.Add(command);
            }

            return batch;
        }
    }

    /// <summary>The messages have been written: their callers' arrays are free unless the commands must be sent again.</summary>
    public void Written(List<PendingCommand> batch)
    {
        lock (_gate)
        {
            foreach (var command in batch)
            {
                command.Stage = CommandStage.Sent;
                if (command.IsAbandoned)
                    command.Cancel(default);
            }
        }
    }

    /// <summary>The command with a tag; null when it is not known.</summary>
    public PendingCommand? Find(ulong tag)
    {
        lock (_gate)
            return _byTag.GetValueOrDefault(tag)?.Value;
    }

    /// <summary>Takes the command of a result out of the queue; null when it is not known.</summary>
    public PendingCommand? Answered(ulong tag)
    {
        lock (_gate)
        {
            if (!_byTag.TryGetValue(tag, out var node))
                return null;
            Remove(node);
            return node.Value;
        }
    }

    /// <summary>
    /// Stops waiting. A command that is being written is let go when its bytes are; one that was sent may still take effect and
    /// is not sent again.
    /// </summary>
    public void Abandon(PendingCommand command, CancellationToken token)
    {
        lock (_gate)
        {
            if (!_byTag.TryGetValue(command.Command.Tag, out var node))
                return;
            command.IsAbandoned = true;
            if (command.Stage == CommandStage.Writing)
                return;
            if (command.Stage == CommandStage.Queued)
                Remove(node);
            command.Cancel(token);
        }
    }

    /// <summary>
    /// The stream is lost: everything unanswered waits again, in order. What carries a request id is not executed twice. A read
    /// behind which something that changes state was sent could see the later state: it fails instead.
    /// </summary>
    public void Rewind()
    {
        lock (_gate)
        {
            var stateChanged = false;
            for (var node = _commands.Last; node is not null;)
            {
                var (current, command) = (node, node.Value);
                node = node.Previous;
                if (command.WasSent && command.IsAbandoned)
                {
                    Remove(current);
                    command.Cancel(default);
                }
                else if (command.WasSent && !command.IsIdentified && stateChanged)
                {
                    Remove(current);
                    command.Fail(Errors.Local(StatusCode.Unavailable, Errors.ConnectionLost, "The connection was lost before the value arrived, and later requests may have changed it. Ask again."));
                }
                else
                {
                    stateChanged |= command.WasSent && command.ChangesState;
                    command.Stage = CommandStage.Queued;
                }
            }

            _inFlight = 0;
            _next = _commands.First;
        }
    }

    public void FailAll(Func<Exception> error)
    {
        lock (_gate)
        {
            foreach (var command in _commands)
                command.Fail(error());
            _commands.Clear();
            _byTag.Clear();
            _next = null;
            _inFlight = 0;
        }
    }

    private void Remove(LinkedListNode<PendingCommand> node)
    {
        if (_next == node)
            _next = node.Next;
        if (node.Value.Stage != CommandStage.Queued)
            _inFlight--;
        _commands.Remove(node);
        _byTag.Remove(node.Value.Command.Tag);
    }
}
