namespace Gradients.Benchmarks;

/// <summary>What a row measures: ours, the same by the peers, and what the machine can do at best.</summary>
/// <param name="Ours">Runs it so many times, one after the other.</param>
internal sealed record Subject(string Suite, string Name, Action<int> Ours)
{
    public Action<int>? Libtorch { get; init; }

    public Action<int>? OpenBlas { get; init; }

    public Limit? Limit { get; init; }

    /// <summary>What else is timed in turns with ours, by name.</summary>
    public IReadOnlyDictionary<string, Action<int>> Beside { get; init; } = new Dictionary<string, Action<int>>();

    /// <summary>Whether --check lets it allocate managed memory.</summary>
    public bool MayAllocate { get; init; }

    /// <summary>Whether it waits for other threads, so that the time that passes counts, not the thread's own.</summary>
    public bool Waits { get; init; }

    public string? Note { get; init; }
}

/// <param name="Work">Floating-point operations or bytes of one run.</param>
/// <param name="PerNanosecond">Measures how many of them the machine does.</param>
internal sealed record Limit(double Work, Func<double> PerNanosecond);
