namespace Gradients.Server.Sessions;

/// <summary>Remembers the sessions that expired last, in bounded memory: their owners can tell them apart from those never known.</summary>
internal sealed class Tombstones(int capacity = 65536)
{
    private readonly Dictionary<UInt128, string> _known = [];
    private readonly Queue<UInt128> _order = new();

    public bool Contains(UInt128 id, string tenant) => _known.TryGetValue(id, out var owner) && owner == tenant;

    public void Add(UInt128 id, string tenant)
    {
        if (!_known.TryAdd(id, tenant))
            return;
        _order.Enqueue(id);
        if (_order.Count > capacity)
            _known.Remove(_order.Dequeue());
    }
}
