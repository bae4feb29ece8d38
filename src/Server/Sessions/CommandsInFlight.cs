namespace Gradients.Server.Sessions;

/// <summary>The commands of a stream that wait or run, to be cancelled by their tag, or all together.</summary>
internal sealed class CommandsInFlight
{
    private readonly Lock _gate = new();
    private readonly HashSet<StreamCommand> _commands = [];
    private bool _ended;

    /// <summary>Adds a command; it is cancelled at once when all were.</summary>
    public void Add(StreamCommand command)
    {
        lock (_gate)
        {
            _commands.Add(command);
            if (_ended)
                command.Cancel();
        }
    }

    public void Remove(StreamCommand command)
    {
        lock (_gate)
            _commands.Remove(command);
    }

    /// <summary>Cancels the commands with a tag; returns how many there were.</summary>
    /// <param name="besides">The one that asks.</param>
    public int Cancel(ulong tag, StreamCommand besides)
    {
        lock (_gate)
        {
            StreamCommand[] found = [.. _commands.Where(c => c.Wire.Tag == tag && c != besides)];
            foreach (var command in found)
                command.Cancel();
            return found.Length;
        }
    }

    /// <summary>Cancels all, and whatever comes later.</summary>
    public void CancelAll()
    {
        lock (_gate)
        {
            _ended = true;
            foreach (var command in _commands.ToArray())
                command.Cancel();
        }
    }
}
