using Grpc.Core;

namespace Gradients.Server.Services;

internal static class Replays
{
    private static readonly Metadata Header = new() { { "gradients-replayed", "true" } };

    /// <summary>Tells the caller of a unary rpc that the reply is a stored one.</summary>
    public static Task MarkAsync(ServerCallContext context, CallScope scope)
    {
        scope.Activity.SetReplayed();
        return context.WriteResponseHeadersAsync(Header);
    }
}
