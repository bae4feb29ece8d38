using System.Security.Cryptography;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Sessions;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Security;
using Gradients.Server.Telemetry;

namespace Gradients.Server.Sessions;

/// <summary>All sessions by name; each is visible to its owner only. Expired ones are removed by a timer and, without waiting for it, by whoever asks for them.</summary>
internal sealed class SessionRegistry : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, ServerSession> _sessions = [];
    private readonly Tombstones _expired = new();
    private readonly EngineHost _host;
    private readonly GradientsServerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ITimer _sweep;
    private long _sequence;

    public SessionRegistry(EngineHost host, GradientsServerOptions options, TimeProvider time, ILogger<SessionRegistry> logger)
    {
        _host = host;
        _options = options;
        _time = time;
        _logger = logger;
        Incarnation = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));
        _sweep = time.CreateTimer(_ => Sweep(), null, options.SweepInterval, options.SweepInterval);
    }

    /// <summary>Differs with each start; part of every session's name.</summary>
    public uint Incarnation { get; }

    /// <exception cref="GradientsException">SESSION_QUOTA when the tenant or the server has as many as allowed.</exception>
    public ServerSession Create(TenantUsage tenant, string label, TimeSpan ttl, SessionLimits limits)
    {
        var now = _time.GetUtcNow();
        tenant.Sessions.Take(1);
        ServerSession session;
        lock (_gate)
        {
            session = new ServerSession(tenant, SessionName.Create(Incarnation), ++_sequence, label, ttl, limits, new GraphSession(_host, limits, tenant.Engine), _options.RequestIdWindow, now);
            _sessions.Add(session.Key.Id, session);
        }

        if (_logger.IsEnabled(LogLevel.Debug))
            _logger.SessionOpened(session.Name, LogText.Escape(label));
        return session;
    }

    /// <summary>Uses a session, which extends its life.</summary>
    /// <exception cref="GradientsException">SESSION_NOT_FOUND, SESSION_EXPIRED, SESSION_LOST.</exception>
    public SessionUse Use(Caller caller, string name)
    {
        var now = _time.GetUtcNow();
        var session = Find(caller, name);
        if (session.TryUse(now))
            return new SessionUse(session, _time);
        Expire(session);
        throw Expired();
    }

    /// <summary>A session without extending its life.</summary>
    public ServerSession Look(Caller caller, string name)
    {
        var session = Find(caller, name);
        if (!session.IsExpired(_time.GetUtcNow()))
            return session;
        Expire(session);
        throw Expired();
    }

    public void Delete(Caller caller, string name)
    {
        var session = Look(caller, name);
        lock (_gate)
        {
            if (!_sessions.Remove(session.Key.Id))
                throw NotFound();
        }

        End(session, "deleted");
    }

    /// <summary>Up to <paramref name="count"/> sessions of the caller older than position <paramref name="before"/>, newest first.</summary>
    public ServerSession[] List(Caller caller, long before, int count)
    {
        var now = _time.GetUtcNow();
        lock (_gate)
            return [.. _sessions.Values.Where(s => s.Tenant == caller.Tenant && s.Sequence < before && !s.IsExpired(now)).OrderByDescending(s => s.Sequence).Take(count)];
    }

    /// <summary>Of all owners together.</summary>
    public (int Sessions, long Runs, long Nodes) Totals()
    {
        lock (_gate)
            return (_sessions.Count, _sessions.Values.Sum(s => (long)s.Engine.RunCount), _sessions.Values.Sum(s => (long)s.Engine.NodeCount));
    }

    public void Dispose()
    {
        _sweep.Dispose();
        ServerSession[] left;
        lock (_gate)
        {
            left = [.. _sessions.Values];
            _sessions.Clear();
        }

        foreach (var session in left)
            session.Dispose();
    }

    private static GradientsException NotFound() => GradientsException.NotFound(ErrorReasons.SessionNotFound, "There is no such session.");

    private static GradientsException Expired() => GradientsException.NotFound(ErrorReasons.SessionExpired, "The session ended because its time to live passed.");

    private ServerSession Find(Caller caller, string name)
    {
        if (!SessionName.TryParse(name, out var key))
            throw NotFound();
        if (key.Incarnation != Incarnation)
            throw GradientsException.NotFound(ErrorReasons.SessionLost, "The session belonged to an earlier start of the server.");
        lock (_gate)
        {
            if (_sessions.TryGetValue(key.Id, out var session))
                return session.Tenant == caller.Tenant ? session : throw NotFound();
            throw _expired.Contains(key.Id, caller.Tenant) ? Expired() : NotFound();
        }
    }

    private void Expire(ServerSession session)
    {
        lock (_gate)
        {
            if (!_sessions.Remove(session.Key.Id))
                return;
            _expired.Add(session.Key.Id, session.Tenant);
        }

        End(session, "expired");
    }

    private void End(ServerSession session, string cause)
    {
        session.Dispose();
        _logger.SessionEnded(session.Name, cause);
    }

    private void Sweep()
    {
        try
        {
            var now = _time.GetUtcNow();
            ServerSession[] all;
            lock (_gate)
                all = [.. _sessions.Values];
            foreach (var session in all)
            {
                session.Uploads.Sweep();
                if (session.IsExpired(now))
                    Expire(session);
                else if (session.Engine.RunCount > 0)
                    _ = session.Engine.SweepAsync();
            }
        }
        catch (Exception e)
        {
            // A timer's callback has no caller; the next sweep tries again.
            _logger.SweepFailed(e);
        }
    }
}
