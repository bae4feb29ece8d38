namespace Gradients.Benchmarks.Steps;

/// <summary>A network through the executor beside the peer, their results compared before either is timed.</summary>
internal static class GraphRow
{
    /// <summary>Adds the row when it is wanted.</summary>
    public static void Add(SuiteSettings settings, Recorder rows, string suite, string name, Func<GraphStep> create, bool withGradients, Func<GraphStep, Limit> limit, IReadOnlyDictionary<string, Action<int>>? beside = null)
    {
        if (!rows.Wants(name))
            return;
        using var step = create();
        rows.Add(Measure(settings, suite, name, step, withGradients, limit(step), beside));
    }

    /// <param name="limit">What the machine does at best; the default counts multiply-adds.</param>
    /// <param name="beside">What else is timed in turns with it.</param>
    public static Row Measure(SuiteSettings settings, string suite, string name, GraphStep step, bool withGradients, Limit? limit, IReadOnlyDictionary<string, Action<int>>? beside = null)
    {
        using var peer = settings.Peer?.Create(step.Network, settings.Threads, withGradients);
        var difference = peer is null ? 0 : Peers.Agreement.Worst(step.Results(), peer.Results());
        var agrees = difference <= Peers.Agreement.Tolerance;
        return settings.Meter.Measure(new Subject(suite, name, step.Run)
        {
            Libtorch = peer is not null && agrees ? peer.Run : null,
            Limit = limit,
            Beside = beside ?? new Dictionary<string, Action<int>>(),
            Note = agrees ? null : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"differs by {difference:0.0e0}"),
        });
    }
}
