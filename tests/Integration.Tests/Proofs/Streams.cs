using Grpc.Core;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>Sending on streams that the server may end first.</summary>
internal static class Streams
{
    /// <summary>Sends messages and closes the sending side, as far as the server takes them.</summary>
    public static async Task SendAsync<T>(IClientStreamWriter<T> stream, IEnumerable<T> messages)
    {
        try
        {
            foreach (var message in messages)
                await stream.WriteAsync(message);
            await stream.CompleteAsync();
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // The server has answered already; the response tells what.
        }
    }
}
