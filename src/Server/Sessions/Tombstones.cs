namespace Gradients.Server.Sessions;

/// <summary>Remembers the sessions that expired last, in bounded memory: they are told apart from those never known.</summary>
internal sealed class Tombstones(int capacity = 65536)
{
    private readonly HashSet<UInt128> _known = [];
    private readonly Queue<UInt128> _order = new();

    public bool Contains(UInt128 id) => _known.Contains(id);

    public void Add(UInt128 id)
    {
        if (!_known.Add(id))
            return;
        _order.Enqueue(id);
        if (_order.Count > capacity)
            _known.Remove(_order.Dequeue());
    }
}
