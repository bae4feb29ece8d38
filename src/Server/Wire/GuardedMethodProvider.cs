using System.Reflection;
using Gradients.Server.Hosting;
using Gradients.Server.Services;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace Gradients.Server.Wire;

/// <summary>Binds the methods of a generated service to the <see cref="CallRunner"/>, with marshallers that refuse bad bytes with a proper status.</summary>
internal sealed class GuardedMethodProvider<TService>(GradientsServerOptions options, CallRunner calls) : IServiceMethodProvider<TService>
    where TService : class
{
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<TService> context)
    {
        var attribute = Ancestors(typeof(TService)).Select(t => t.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false)).FirstOrDefault(a => a is not null);
        if (attribute is null)
            return;
        var bind = attribute.BindType.GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Single(m => m.Name == attribute.BindMethodName && m.GetParameters() is [{ ParameterType: var binder }, _] && binder == typeof(ServiceBinderBase));
        bind.Invoke(null, [new Binder(context, options, calls), null]);
    }

    private static IEnumerable<Type> Ancestors(Type type)
    {
        for (var t = type; t is not null; t = t.BaseType)
            yield return t;
    }

    private sealed class Binder(ServiceMethodProviderContext<TService> context, GradientsServerOptions options, CallRunner calls) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
        {
            var implementation = Implementation(method, typeof(TRequest), typeof(ServerCallContext));
            var invoke = implementation.CreateDelegate<UnaryServerMethod<TService, TRequest, TResponse>>();
            context.AddUnaryMethod(Guard(method), Metadata(implementation), (service, request, call) => calls.UnaryAsync(invoke, service, request, call));
        }

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
        {
            var implementation = Implementation(method, typeof(IAsyncStreamReader<TRequest>), typeof(ServerCallContext));
            var invoke = implementation.CreateDelegate<ClientStreamingServerMethod<TService, TRequest, TResponse>>();
            context.AddClientStreamingMethod(Guard(method), Metadata(implementation), (service, requests, call) => calls.ClientStreamingAsync(invoke, service, requests, call));
        }

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
        {
            var implementation = Implementation(method, typeof(TRequest), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext));
            var invoke = implementation.CreateDelegate<ServerStreamingServerMethod<TService, TRequest, TResponse>>();
            context.AddServerStreamingMethod(Guard(method), Metadata(implementation), (service, request, responses, call) => calls.ServerStreamingAsync(invoke, service, request, responses, call));
        }

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
        {
            var implementation = Implementation(method, typeof(IAsyncStreamReader<TRequest>), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext));
            var invoke = implementation.CreateDelegate<DuplexStreamingServerMethod<TService, TRequest, TResponse>>();
            context.AddDuplexStreamingMethod(Guard(method), Metadata(implementation), (service, requests, responses, call) => calls.DuplexStreamingAsync(invoke, service, requests, responses, call));
        }

        private static MethodInfo Implementation(IMethod method, params Type[] parameters) =>
            typeof(TService).GetMethod(method.Name, parameters) ?? throw new InvalidOperationException($"{typeof(TService)} has no method {method.Name}.");

        private static List<object> Metadata(MethodInfo implementation) =>
            [.. typeof(TService).GetCustomAttributes(inherit: true), .. implementation.GetCustomAttributes(inherit: true)];

        private Method<TRequest, TResponse> Guard<TRequest, TResponse>(Method<TRequest, TResponse> method) =>
            new(method.Type, method.ServiceName, method.Name, GuardedMarshaller.Of(method.RequestMarshaller, options), method.ResponseMarshaller);
    }
}
