using System.Runtime.CompilerServices;
using Google.Protobuf;
using Gradients.Engine;
using Gradients.Engine.Sessions;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions;

/// <summary>A request on a session, unary or from a stream.</summary>
internal abstract class Command
{
    /// <summary>The name in spans, a constant.</summary>
    public abstract string Name { get; }

    /// <summary>The session named by the request; empty on streams.</summary>
    public abstract string Session { get; }

    /// <summary>Reports that precede the reply; null for commands that make none.</summary>
    public virtual ReportQueue? Reports => null;

    /// <summary>The id as sent, once; afterwards the request carries neither id nor session, so that its bytes are the payload alone.</summary>
    protected abstract V1.RequestId? TakeId();

    protected abstract IMessage Request { get; }

    /// <summary>Executes; the engine's queue is entered before the first await.</summary>
    protected abstract ValueTask<Reply> ExecuteAsync(ServerSession session, CommandContext context);

    /// <summary>Executes at most once per request id.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Reply> RunAsync(ServerSession session, CommandContext context)
    {
        session.BeginCommand();
        try
        {
            return await (TakeId() is { } id ? RunOnceAsync(id, session, context) : ExecuteAsync(session, context));
        }
        catch (GradientsException e) when (e.Subject == SessionLimits.Subject)
        {
            e.Subject = session.Subject;
            throw;
        }
        catch (GradientsException e) when (e.Reason == ErrorReasons.SessionNotFound && session.Closed.IsCancellationRequested)
        {
            // The engine says so of what waited when the session was deleted.
            throw new OperationCanceledException("The session was deleted.", e);
        }
        finally
        {
            session.EndCommand();
        }
    }

    private ValueTask<Reply> RunOnceAsync(V1.RequestId id, ServerSession session, CommandContext context) =>
        session.Requests.RunAsync(id, RequestLog.Digest(Request), (Command: this, session, context), static s => s.Command.ExecuteAsync(s.session, s.context), context.Cancellation);
}
