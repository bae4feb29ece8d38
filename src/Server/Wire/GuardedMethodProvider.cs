using System.Reflection;
using Gradients.Server.Hosting;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace Gradients.Server.Wire;

/// <summary>Binds the methods of a generated service, with marshallers that refuse bad bytes with a proper status.</summary>
internal sealed class GuardedMethodProvider<TService>(GradientsServerOptions options) : IServiceMethodProvider<TService>
    where TService : class
{
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<TService> context)
    {
        var attribute = Ancestors(typeof(TService)).Select(t => t.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false)).FirstOrDefault(a => a is not null);
        if (attribute is null)
            return;
        var bind = attribute.BindType.GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Single(m => m.Name == attribute.BindMethodName && m.GetParameters() is [{ ParameterType: var binder }, _] && binder == typeof(ServiceBinderBase));
        bind.Invoke(null, [new Binder(context, options), null]);
    }

    private static IEnumerable<Type> Ancestors(Type type)
    {
        for (var t = type; t is not null; t = t.BaseType)
            yield return t;
    }

    private sealed class Binder(ServiceMethodProviderContext<TService> context, GradientsServerOptions options) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            context.AddUnaryMethod(Guard(method), Metadata(method, typeof(TRequest), typeof(ServerCallContext)), Invoker<UnaryServerMethod<TService, TRequest, TResponse>>(method, typeof(TRequest), typeof(ServerCallContext)));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddClientStreamingMethod(Guard(method), Metadata(method, typeof(IAsyncStreamReader<TRequest>), typeof(ServerCallContext)), Invoker<ClientStreamingServerMethod<TService, TRequest, TResponse>>(method, typeof(IAsyncStreamReader<TRequest>), typeof(ServerCallContext)));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddServerStreamingMethod(Guard(method), Metadata(method, typeof(TRequest), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext)), Invoker<ServerStreamingServerMethod<TService, TRequest, TResponse>>(method, typeof(TRequest), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext)));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddDuplexStreamingMethod(Guard(method), Metadata(method, typeof(IAsyncStreamReader<TRequest>), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext)), Invoker<DuplexStreamingServerMethod<TService, TRequest, TResponse>>(method, typeof(IAsyncStreamReader<TRequest>), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext)));

        private static MethodInfo Implementation(IMethod method, Type[] parameters) =>
            typeof(TService).GetMethod(method.Name, parameters) ?? throw new InvalidOperationException($"{typeof(TService)} has no method {method.Name}.");

        private static List<object> Metadata(IMethod method, params Type[] parameters) =>
            [.. typeof(TService).GetCustomAttributes(inherit: true), .. Implementation(method, parameters).GetCustomAttributes(inherit: true)];

        private static TDelegate Invoker<TDelegate>(IMethod method, params Type[] parameters)
            where TDelegate : Delegate => Implementation(method, parameters).CreateDelegate<TDelegate>();

        private Method<TRequest, TResponse> Guard<TRequest, TResponse>(Method<TRequest, TResponse> method) =>
            new(method.Type, method.ServiceName, method.Name, GuardedMarshaller.Of(method.RequestMarshaller, options), method.ResponseMarshaller);
    }
}
