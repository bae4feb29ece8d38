namespace Gradients.Server.Hosting;

/// <summary>The listeners on which an endpoint answers.</summary>
internal sealed record ListenerMetadata(Listener Listeners);

internal static class ListenerMetadataExtensions
{
    /// <summary>The endpoint answers on these listeners and on no other.</summary>
    public static TBuilder OnListener<TBuilder>(this TBuilder builder, Listener listeners)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new ListenerMetadata(listeners));
}
