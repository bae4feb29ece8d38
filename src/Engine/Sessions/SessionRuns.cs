namespace Gradients.Engine.Sessions;

/// <summary>The runs that a session keeps: forwards whose backward may follow.</summary>
/// <param name="quota">What the session's tenant may keep in all its sessions, null when there is no limit.</param>
internal sealed class SessionRuns(TimeProvider time, SessionLimits limits, Quota? quota)
{
    private readonly Dictionary<ulong, Run> _runs = [];
    private ulong _last;

    public int Count => _runs.Count;

    public Dictionary<ulong, Run>.ValueCollection All => _runs.Values;

    /// <exception cref="GradientsException">SESSION_QUOTA when no further run would be kept.</exception>
    public void RequireRoom()
    {
        if (_runs.Count >= limits.MaxRuns)
        {
            throw GradientsException.Exhausted(ErrorReasons.SessionQuota, $"The session keeps its limit of {limits.MaxRuns} runs; consume or release some.")
                .Limited("session.max_runs", (_runs.Count + 1).ToString(), SessionLimits.Subject);
        }

        quota?.Require(1);
    }

    /// <summary>Takes the place of a run that <see cref="Keep"/> keeps next.</summary>
    /// <exception cref="GradientsException">SESSION_QUOTA.</exception>
    public void TakePlace() => quota?.Take(1);

    public ulong Keep(Run run)
    {
        run.LastUse = time.GetUtcNow();
        _runs.Add(++_last, run);
        return _last;
    }

    /// <exception cref="GradientsException">RUN_RELEASED when it was consumed, RUN_NOT_FOUND when there never was one.</exception>
    public Run Find(ulong id)
    {
        if (_runs.TryGetValue(id, out var run))
        {
            run.LastUse = time.GetUtcNow();
            return run;
        }

        throw id != 0 && id <= _last
            ? GradientsException.Precondition(ErrorReasons.RunReleased, $"Run {id} was consumed by its backward, released, or expired; retain it to differentiate again.")
            : GradientsException.NotFound(ErrorReasons.RunNotFound, $"The session has no run {id}.");
    }

    /// <summary>Releases runs that were not used for their lifetime; whether there were any.</summary>
    public bool Expire() => _runs.Count > 0 && ExpireBefore(time.GetUtcNow() - limits.RunLifetime);

    /// <summary>Unknown ids are ignored.</summary>
    public void Release(ulong id)
    {
        if (!_runs.Remove(id, out var run))
            return;
        run.Dispose();
        quota?.Give(1);
    }

    public void Clear()
    {
        foreach (var run in _runs.Values)
            run.Dispose();
        quota?.Give(_runs.Count);
        _runs.Clear();
    }

    private bool ExpireBefore(DateTimeOffset oldest)
    {
        var expired = _runs.Where(r => r.Value.LastUse < oldest).Select(r => r.Key).ToList();
        expired.ForEach(Release);
        return expired.Count > 0;
    }
}
