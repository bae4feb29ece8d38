using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Gradients.Server.Errors;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Telemetry;

/// <summary>
/// Around everything: the attributes of the framework's span and the duration of each rpc, by what was answered. Also what no
/// service sees is measured: refusals at the door and methods that do not exist.
/// </summary>
internal sealed class CallTelemetry(RequestDelegate next, RequestMetrics metrics)
{
    private readonly ConcurrentDictionary<string, string> _methods = new(StringComparer.Ordinal);

    public async Task InvokeAsync(HttpContext context)
    {
        var activity = context.Features.Get<IHttpActivityFeature>()?.Activity;
        if (!StatusResponse.IsGrpc(context.Request) && context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is null)
        {
            Omit(activity);
            await next(context);
            return;
        }

        var method = MethodOf(context);
        if (method.StartsWith("grpc.health.", StringComparison.Ordinal))
            Omit(activity);
        var began = Stopwatch.GetTimestamp();
        var code = StatusCode.Internal;
        try
        {
            await next(context);
            code = StatusOf(context);
        }
        finally
        {
            metrics.Called(method, code, Stopwatch.GetElapsedTime(began));
            if (code != StatusCode.OK)
                metrics.Refused(ReasonOf(context, code));
            if (activity is { IsAllDataRequested: true })
                Describe(activity, context, method, code);
        }
    }

    /// <summary>Probes and scrapes are no news.</summary>
    private static void Omit(Activity? activity)
    {
        if (activity is null)
            return;
        activity.IsAllDataRequested = false;
        activity.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
    }

    private static void Describe(Activity activity, HttpContext context, string method, StatusCode code)
    {
        activity.DisplayName = method == RpcConventions.OtherMethod ? RpcConventions.Grpc : method;
        activity.SetTag(RpcConventions.System, RpcConventions.Grpc);
        activity.SetTag(RpcConventions.Method, method);
        activity.SetTag(RpcConventions.StatusCode, RpcConventions.Text(code));
        // The gRPC framework's own names for the same.
        activity.SetTag("grpc.method", null);
        activity.SetTag("grpc.status_code", null);
        activity.SetTag("server.address", Text(context.Connection.LocalIpAddress));
        activity.SetTag("server.port", context.Connection.LocalPort);
        activity.SetTag("network.peer.address", Text(context.Connection.RemoteIpAddress));
        if (!RpcConventions.IsError(code))
            return;
        activity.SetTag(RpcConventions.ErrorType, RpcConventions.Text(code));
        activity.SetStatus(ActivityStatusCode.Error);
    }

    private static string? Text(IPAddress? address) => address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4().ToString() : address?.ToString();

    private static StatusCode StatusOf(HttpContext context)
    {
        if (Answered(context, "grpc-status") is not { } status)
            return context.RequestAborted.IsCancellationRequested ? StatusCode.Cancelled : StatusCode.Unknown;
        return int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var code) ? (StatusCode)code : StatusCode.Unknown;
    }

    /// <summary>The reason in the details that were answered; of a call that ended without, by its status.</summary>
    private static string ReasonOf(HttpContext context, StatusCode code)
    {
        if (Answered(context, "grpc-status-details-bin") is not { } details)
            return ErrorStatus.ReasonOf(FrameworkErrors.Of(code, ""));
        return ErrorStatus.ReasonOf(Google.Rpc.Status.Parser.ParseFrom(Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '='))));
    }

    /// <summary>A status without a body travels in the headers, else in the trailers.</summary>
    private static string? Answered(HttpContext context, string name)
    {
        if (context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers.TryGetValue(name, out var value) == true || context.Response.Headers.TryGetValue(name, out value))
            return value.ToString();
        return null;
    }

    /// <summary>The bound method's name without the slash before it; never what a client made up.</summary>
    private string MethodOf(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is { } bound
            ? _methods.GetOrAdd(bound.Method.FullName, static name => name.TrimStart('/'))
            : RpcConventions.OtherMethod;
}
