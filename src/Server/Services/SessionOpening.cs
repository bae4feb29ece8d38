using Google.Protobuf.WellKnownTypes;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Sessions;
using Gradients.Server.Wire;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Opens sessions with the limits that are granted, once per request id.</summary>
internal sealed class SessionOpening(SessionRegistry sessions, GradientsServerOptions options)
{
    private const int MaxLabel = 256;

    public async Task<V1.CreateSessionResponse> CreateAsync(V1.CreateSessionRequest request, ServerCallContext context)
    {
        var scope = CallScope.Of(context);
        var tenant = TenantCall.Of(context).Tenant;
        var id = request.RequestId;
        request.RequestId = null;
        using var reply = id is null
            ? await OpenAsync(tenant, request)
            : await tenant.Openings.RunAsync(id, RequestLog.Digest(request), (Opening: this, tenant, request), static s => s.Opening.OpenAsync(s.tenant, s.request), scope.Cancellation);
        if (reply.Replayed)
            await Replays.MarkAsync(context, scope);
        return (V1.CreateSessionResponse)reply.Message;
    }

    private ValueTask<Reply> OpenAsync(TenantUsage tenant, V1.CreateSessionRequest request)
    {
        if (request.Label.Length > MaxLabel)
            throw Refusals.Field("label", $"it has {request.Label.Length} characters; at most {MaxLabel} are allowed.");
        var session = sessions.Create(tenant, request.Label, TimeToLive(request.Ttl), Granted(request.Limits ?? new V1.SessionLimits()));
        return ValueTask.FromResult(new Reply(new V1.CreateSessionResponse { Session = session.Describe() }));
    }

    private TimeSpan TimeToLive(Duration? asked)
    {
        if (asked is null)
            return options.DefaultSessionTtl;
        if (asked.Seconds < 0 || asked.Nanos < 0 || asked.Nanos > 999_999_999 || (asked.Seconds == 0 && asked.Nanos == 0))
            throw Refusals.Field("ttl", "it must be above 0.");
        return asked.Seconds >= (long)options.MaxSessionTtl.TotalSeconds ? options.MaxSessionTtl : asked.ToTimeSpan();
    }

    private SessionLimits Granted(V1.SessionLimits asked) => new()
    {
        MaxBytes = (long)Least(asked.MaxBytes, options.SessionMaxBytes),
        MaxRuns = (int)Least(asked.MaxRuns, options.SessionMaxRuns),
        RunLifetime = options.RunLifetime,
        MaxTensors = options.SessionMaxTensors,
        MaxQueued = options.MaxQueuedCommands,
        MaxQueueWait = options.MaxQueueWait,
        Graph = new GraphLimits { MaxNodes = (int)Least(asked.MaxNodes, options.SessionMaxNodes), MaxExpandedNodes = options.MaxExpandedNodes },
    };

    private static ulong Least(ulong asked, long allowed) => asked == 0 ? (ulong)allowed : Math.Min(asked, (ulong)allowed);
}
