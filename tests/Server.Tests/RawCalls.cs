using Grpc.Core;

namespace Gradients.Server.Tests;

/// <summary>Calls with bytes as they are, whatever the contract says.</summary>
internal static class RawCalls
{
    private static readonly Marshaller<byte[]> Identity = Marshallers.Create(b => b, b => b);

    public static async Task<byte[]> UnaryAsync(TestServer server, string service, string method, byte[] message)
    {
        using var call = server.Channel.CreateCallInvoker().AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, service, method, Identity, Identity), null, default, message);
        return await call;
    }

    /// <summary>Sends one message on a stream and reads until the end.</summary>
    public static async Task DuplexAsync(TestServer server, string service, string method, byte[] message)
    {
        using var call = server.Channel.CreateCallInvoker().AsyncDuplexStreamingCall(new Method<byte[], byte[]>(MethodType.DuplexStreaming, service, method, Identity, Identity), null, default);
        try
        {
            await call.RequestStream.WriteAsync(message);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // The server has answered already; the response tells what.
        }

        await foreach (var _ in call.ResponseStream.ReadAllAsync())
        {
        }
    }
}
