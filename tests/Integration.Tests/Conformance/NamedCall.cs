using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;

namespace Gradients.Integration.Tests.Conformance;

/// <summary>Any rpc of the contract by its name over gRPC, with messages as JSON. An array stands for a stream of messages.</summary>
internal sealed class NamedCall(GrpcChannel channel) : ICalls
{
    private static readonly ServiceDescriptor[] Services =
    [
        .. V1.EvaluationServiceReflection.Descriptor.Services, .. V1.SessionServiceReflection.Descriptor.Services, .. V1.TensorServiceReflection.Descriptor.Services,
        .. V1.GraphServiceReflection.Descriptor.Services, .. V1.ServerServiceReflection.Descriptor.Services,
    ];

    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithTypeRegistry(TypeRegistry.FromFiles(ErrorDetailsReflection.Descriptor)));

    public static MethodDescriptor Find(string call)
    {
        var parts = call.Split('/');
        return Services.Single(s => s.FullName == parts[0]).FindMethodByName(parts[1]);
    }

    public string? Obstacle(string call) => null;

    public async Task<(JsonNode? Reply, JsonNode? Error)> SendAsync(string call, JsonNode request, CancellationToken cancellation)
    {
        var method = Find(call);
        var messages = (request as JsonArray ?? [request.DeepClone()]).Select(r => JsonParser.Default.Parse(r!.ToJsonString(), method.InputType)).ToList();
        try
        {
            var replies = await CallAsync(channel.CreateCallInvoker(), method, messages, new CallOptions(cancellationToken: cancellation));
            var json = new JsonArray([.. replies.Select(Json)]);
            if (method.Name == "Interact")
                return (new JsonArray([.. json.SelectMany(r => r!["results"]!.AsArray()).Select(r => r!.DeepClone())]), null);
            return (method.IsServerStreaming ? json : json[0], null);
        }
        catch (RpcException e) when (e.GetRpcStatus() is { } status)
        {
            return (null, Json(status));
        }
    }

    private static JsonNode? Json(IMessage message) => JsonNode.Parse(Formatter.Format(message));

    private static async Task<List<IMessage>> CallAsync(CallInvoker invoker, MethodDescriptor method, List<IMessage> messages, CallOptions options)
    {
        var type = (method.IsClientStreaming, method.IsServerStreaming) switch
        {
            (true, true) => MethodType.DuplexStreaming,
            (true, false) => MethodType.ClientStreaming,
            (false, true) => MethodType.ServerStreaming,
            _ => MethodType.Unary,
        };
        var rpc = new Method<IMessage, IMessage>(type, method.Service.FullName, method.Name,
            Marshallers.Create<IMessage>(m => m.ToByteArray(), method.InputType.Parser.ParseFrom), Marshallers.Create<IMessage>(m => m.ToByteArray(), method.OutputType.Parser.ParseFrom));
        switch (type)
        {
            case MethodType.Unary:
                return [await invoker.AsyncUnaryCall(rpc, null, options, messages[0])];
            case MethodType.ServerStreaming:
                using (var call = invoker.AsyncServerStreamingCall(rpc, null, options, messages[0]))
                    return await call.ResponseStream.ReadAllAsync(options.CancellationToken).ToListAsync(options.CancellationToken);
            case MethodType.ClientStreaming:
                using (var call = invoker.AsyncClientStreamingCall(rpc, null, options))
                {
                    await WriteAsync(call.RequestStream, messages);
                    return [await call];
                }

            default:
                using (var call = invoker.AsyncDuplexStreamingCall(rpc, null, options))
                {
                    await WriteAsync(call.RequestStream, messages);
                    return await call.ResponseStream.ReadAllAsync(options.CancellationToken).ToListAsync(options.CancellationToken);
                }
        }
    }

    /// <summary>A server that refuses early ends the call, and writing with it: its reason comes with the reply.</summary>
    private static async Task WriteAsync(IClientStreamWriter<IMessage> stream, List<IMessage> messages)
    {
        try
        {
            foreach (var message in messages)
                await stream.WriteAsync(message);
            await stream.CompleteAsync();
        }
        catch (RpcException)
        {
        }
    }
}
