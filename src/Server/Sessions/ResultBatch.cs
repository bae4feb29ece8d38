using Gradients.Server.Limits;

namespace Gradients.Server.Sessions;

/// <summary>Results that are ready together and travel together while they are small.</summary>
internal sealed class ResultBatch
{
    public const int MaxResults = 64;
    private const int MaxBytes = 1 << 16;

    private readonly List<WireCharge> _charges = [];
    private int _bytes;

    public V1.InteractResponse Message { get; private set; } = new();

    /// <summary>Results in it that end their command.</summary>
    public int Commands => _charges.Count;

    public bool IsEmpty => Message.Results.Count == 0;

    public bool IsFull => Message.Results.Count >= MaxResults || _bytes >= MaxBytes;

    /// <summary>An empty one takes any.</summary>
    /// <param name="bytes">The size of the result.</param>
    public bool HasRoomFor(int bytes) => IsEmpty || (Message.Results.Count < MaxResults && _bytes + bytes <= MaxBytes);

    /// <summary>Adds a result, with its memory when it ends its command.</summary>
    /// <param name="bytes">The size of the result.</param>
    public void Add(V1.CommandResult result, int bytes, WireCharge? charge = null)
    {
        _bytes += bytes;
        Message.Results.Add(result);
        if (charge is not null)
            _charges.Add(charge);
    }

    /// <summary>Gives the memory back and begins anew.</summary>
    public void Sent()
    {
        foreach (var charge in _charges)
            charge.Dispose();
        _charges.Clear();
        Message = new V1.InteractResponse();
        _bytes = 0;
    }
}
