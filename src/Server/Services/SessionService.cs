using System.Globalization;
using Google.Protobuf;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Sessions;
using Gradients.Server.Sessions.Commands;
using Gradients.Server.Telemetry;
using Gradients.Server.Wire;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Sessions, their unary commands and their stream.</summary>
internal sealed class SessionService(SessionRegistry sessions, SessionOpening opening, EngineHost host, GradientsServerOptions options, Drain drain, TimeProvider time, RequestMetrics metrics, ILogger<SessionService> logger) : V1.SessionService.SessionServiceBase
{
    private const string InsideCalloutHeader = "gradients-inside-callout";

    public override Task<V1.CreateSessionResponse> CreateSession(V1.CreateSessionRequest request, ServerCallContext context) => opening.CreateAsync(request, context);

    public override Task<V1.GetSessionResponse> GetSession(V1.GetSessionRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.GetSessionResponse { Session = sessions.Look(CallScope.Of(context).Caller, request.Name).Describe() });

    public override Task<V1.ListSessionsResponse> ListSessions(V1.ListSessionsRequest request, ServerCallContext context)
    {
        var size = Paging.Size(request.PageSize, 50, 1000);
        var before = request.PageToken.Length == 0 ? long.MaxValue : Paging.Position(request.PageToken);
        var found = sessions.List(CallScope.Of(context).Caller, before, size + 1);
        var response = new V1.ListSessionsResponse { Sessions = { found.Take(size).Select(s => s.Describe()) } };
        if (found.Length > size)
            response.NextPageToken = Paging.Token(found[size - 1].Sequence);
        return Task.FromResult(response);
    }

    public override Task<V1.DeleteSessionResponse> DeleteSession(V1.DeleteSessionRequest request, ServerCallContext context)
    {
        sessions.Delete(CallScope.Of(context).Caller, request.Name);
        return Task.FromResult(new V1.DeleteSessionResponse());
    }

    public override async Task Interact(IAsyncStreamReader<V1.InteractRequest> requestStream, IServerStreamWriter<V1.InteractResponse> responseStream, ServerCallContext context)
    {
        using var first = CancellationTokenSource.CreateLinkedTokenSource(CallScope.Of(context).Cancellation, drain.Started);
        using var idle = time.CreateTimer(_ => first.Cancel(), null, options.StreamIdleTimeout, Timeout.InfiniteTimeSpan);
        var pace = StreamPace.Of(context);
        GradientsException? tooSlow = null;
        pace.Tell(cause =>
        {
            tooSlow = cause;
            first.Cancel();
        });
        try
        {
            if (!await requestStream.MoveNext(first.Token))
                throw Refusals.Field("session", "the first message names the session.");
        }
        catch (OperationCanceledException) when (!CallScope.Of(context).Cancellation.IsCancellationRequested)
        {
            throw tooSlow ?? (drain.IsDraining ? Drain.Refusal() : new GradientsException(ErrorCode.DeadlineExceeded, ErrorReasons.StreamIdleTimeout, $"The stream had no traffic for {options.StreamIdleTimeout}."));
        }

        idle.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        using var use = sessions.Use(CallScope.Of(context).Caller, requestStream.Current.Session);
        CallScope.Of(context).Activity.SetSession(use.Session.Name);
        using var stream = new Interaction(use.Session, host, options, drain, time, metrics, context, logger);
        pace.Tell(stream.End);
        await stream.RunAsync(requestStream, responseStream);
    }

    public override Task<V1.DefineNodesResponse> DefineNodes(V1.DefineNodesRequest request, ServerCallContext context) =>
        RunAsync<V1.DefineNodesResponse>(new DefineNodesCommand(request), context);

    public override Task<V1.ForwardResponse> Forward(V1.ForwardRequest request, ServerCallContext context) =>
        RunAsync<V1.ForwardResponse>(new ForwardCommand(request), context);

    public override Task<V1.BackwardResponse> Backward(V1.BackwardRequest request, ServerCallContext context) =>
        RunAsync<V1.BackwardResponse>(new BackwardCommand(request), context);

    public override Task<V1.ZeroGradientsResponse> ZeroGradients(V1.ZeroGradientsRequest request, ServerCallContext context) =>
        RunAsync<V1.ZeroGradientsResponse>(new ZeroGradientsCommand(request), context);

    public override Task<V1.ApplyGradientsResponse> ApplyGradients(V1.ApplyGradientsRequest request, ServerCallContext context) =>
        RunAsync<V1.ApplyGradientsResponse>(new ApplyGradientsCommand(request), context);

    public override Task<V1.GetVariablesResponse> GetVariables(V1.GetVariablesRequest request, ServerCallContext context) =>
        RunAsync<V1.GetVariablesResponse>(new GetVariablesCommand(request), context);

    public override Task<V1.SetVariablesResponse> SetVariables(V1.SetVariablesRequest request, ServerCallContext context) =>
        RunAsync<V1.SetVariablesResponse>(new SetVariablesCommand(request), context);

    public override Task<V1.ReleaseResourcesResponse> ReleaseResources(V1.ReleaseResourcesRequest request, ServerCallContext context) =>
        RunAsync<V1.ReleaseResourcesResponse>(new ReleaseResourcesCommand(request), context);

    /// <summary>The call-out that the caller computes while it asks; null when it says of none.</summary>
    private static ulong? InsideCallout(ServerCallContext context) =>
        !context.GetHttpContext().Request.Headers.TryGetValue(InsideCalloutHeader, out var text) ? null
        : ulong.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var callout) ? callout
        : throw Refusals.Field(InsideCalloutHeader, "the header is the number of a call-out.");

    public override async Task Train(V1.TrainRequest request, IServerStreamWriter<V1.TrainResponse> responseStream, ServerCallContext context)
    {
        var scope = CallScope.Of(context);
        var command = new TrainCommand(request);
        using var use = sessions.Use(scope.Caller, command.Session);
        scope.Activity.SetSession(use.Session.Name);
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(scope.Cancellation, use.Session.Closed);
        var running = TrainAsync(command, use.Session, context, cancellation.Token);
        try
        {
            await foreach (var report in command.Reports.Reader.ReadAllAsync())
                await responseStream.WriteAsync(TrainCommand.Write(report), cancellation.Token);
        }
        catch
        {
            // Nobody reads any more: the loop ends between two steps.
            await cancellation.CancelAsync();
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (running.IsCompletedSuccessfully)
                (await running).Dispose();
            throw;
        }

        using var reply = await running;
        if (reply.Replayed)
            await Replays.MarkAsync(context, scope);
        var response = (V1.TrainResponse)reply.Message;
        response.Result.TraceId = scope.Activity.TraceId;
        await responseStream.WriteAsync(response, scope.Cancellation);
    }

    private async Task<Reply> TrainAsync(TrainCommand command, ServerSession session, ServerCallContext context, CancellationToken cancellation)
    {
        try
        {
            return await command.RunAsync(session, ContextOf(context, cancellation));
        }
        finally
        {
            command.Reports.Complete();
        }
    }

    private CommandContext ContextOf(ServerCallContext context, CancellationToken cancellation)
    {
        var scope = CallScope.Of(context);
        return new CommandContext(host, options, scope.Activity.Context, TenantCall.Of(context).Wire.Reply, new CallFailures(context, drain), cancellation);
    }

    private async Task<TResponse> RunAsync<TResponse>(Command command, ServerCallContext context)
        where TResponse : IMessage
    {
        var scope = CallScope.Of(context);
        using var use = sessions.Use(scope.Caller, command.Session);
        scope.Activity.SetSession(use.Session.Name);
        if (InsideCallout(context) is { } callout && use.Session.Nested(callout) is { } refusal)
            throw refusal;
        using var closed = scope.EndWith(use.Session.Closed);
        var reply = await command.RunAsync(use.Session, ContextOf(context, scope.Cancellation));
        var wire = TenantCall.Of(context).Wire.Reply;
        wire.Own(reply);
        if (reply.Replayed)
            await Replays.MarkAsync(context, scope);
        host.Metrics.Sent(reply.Fill(options.MaxMessageBytes, options.MaxListBytes, wire));
        switch (reply.Message)
        {
            case V1.ForwardResponse r:
                r.TraceId = scope.Activity.TraceId;
                break;
            case V1.BackwardResponse r:
                r.TraceId = scope.Activity.TraceId;
                break;
        }

        return (TResponse)reply.Message;
    }
}
