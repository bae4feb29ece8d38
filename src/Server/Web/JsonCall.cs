using System.Text.Json;
using Google.Protobuf;
using Gradients.Engine;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Web;

/// <summary>
/// A call by path and JSON. It is turned into a call by gRPC and its answer back into JSON, so that all that holds of gRPC calls
/// holds of it: quotas, limits, deadlines, draining, traces, reasons.
/// </summary>
internal sealed class JsonCall(RequestDelegate grpc, JsonRoute route, GradientsServerOptions options)
{
    /// <summary>Digits of a number, or base64, as text and again as bytes, while they are written.</summary>
    private const int ReplyScale = 8;

    public async Task InvokeAsync(HttpContext context)
    {
        byte[] frame;
        try
        {
            frame = FrameBody.Frame(await ReadAsync(context));
        }
        catch (GradientsException e)
        {
            await StatusResponse.WriteAsync(context, ErrorStatus.Of(e));
            return;
        }

        WireLease.Current!.ReplyScale = ReplyScale;
        var request = context.Request;
        var (protocol, type) = (request.Protocol, request.ContentType);
        var response = new JsonResponse(context, route.Method);
        context.Features.Set<IRequestBodyPipeFeature>(new FrameBody(frame));
        (request.Protocol, request.ContentType) = (HttpProtocol.Http2, "application/grpc");
        await grpc(context);
        (request.Protocol, request.ContentType) = (protocol, type);
        await response.CompleteAsync();
    }

    /// <exception cref="GradientsException">MALFORMED_MESSAGE, MESSAGE_TOO_LARGE, LIMIT_EXCEEDED, MEMORY_BUDGET_EXCEEDED.</exception>
    private async Task<IMessage> ReadAsync(HttpContext context)
    {
        var message = route.HasBody ? await ReadBodyAsync(context) : ReadQuery(context.Request.Query);
        if (route.Field is { } field)
            field.Accessor.SetValue(message, route.Collection + context.Request.RouteValues[JsonRoute.Value]);
        return message;
    }

    private async Task<IMessage> ReadBodyAsync(HttpContext context)
    {
        // Pages of other origins cannot say so without being asked for their origin first.
        if (!context.Request.HasJsonContentType())
            throw JsonMessageReader.Malformed("", "the body must have content-type: application/json.");
        var json = await JsonBody.ReadAsync(context, WireLease.Current!, options.MaxMessageBytes);
        try
        {
            var cost = JsonBody.Cost(json.Span, options.MaxMessageExpansionBytes);
            if (cost > options.MaxMessageExpansionBytes)
                throw Refusals.OverLimit("message", "max_message_expansion_bytes", options.MaxMessageExpansionBytes, cost);
            WireLease.Current!.Receive(cost);
            return JsonMessageReader.Read(json.Span, route.Method.InputType);
        }
        catch (JsonException e)
        {
            throw JsonMessageReader.Malformed("", $"line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}: this is not JSON, or it is nested deeper than {JsonBody.MaxDepth}.");
        }
    }

    private IMessage ReadQuery(IQueryCollection query)
    {
        var message = JsonFields.Create(route.Method.InputType);
        if (query.Sum(parameter => (long)parameter.Value.Count) > options.MaxValuesPerRequest)
            throw Refusals.OverLimit("query", "max_values_per_request", options.MaxValuesPerRequest, query.Sum(parameter => (long)parameter.Value.Count));
        foreach (var (name, values) in query)
        {
            if (JsonFields.Of(route.Method.InputType).GetValueOrDefault(name) is not { } field || (!field.IsRepeated && values.Count > 1))
                throw JsonMessageReader.Malformed(name, "there is no such parameter, or it is given twice.");
            foreach (var value in values)
                JsonFields.Put(message, field, JsonScalar.FromText(field, value ?? "") ?? throw JsonMessageReader.Malformed(name, JsonScalar.Expectation(field)));
        }

        return message;
    }
}
