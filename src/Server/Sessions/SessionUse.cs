namespace Gradients.Server.Sessions;

/// <summary>Keeps a session from expiring until disposed.</summary>
internal sealed class SessionUse(ServerSession session, TimeProvider time) : IDisposable
{
    public ServerSession Session { get; } = session;

    public void Dispose() => Session.Done(time.GetUtcNow());
}
