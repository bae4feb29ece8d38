using System.Numerics;
using Microsoft.AspNetCore.Routing.Matching;

namespace Gradients.Server.Hosting;

/// <summary>
/// Endpoints answer on the listeners of their metadata; those without any on the main listener alone. The routes of each listener
/// are laid out once: nothing is weighed call by call.
/// </summary>
internal sealed class ListenerPolicy : MatcherPolicy, IEndpointComparerPolicy, INodeBuilderPolicy
{
    public override int Order => 0;

    /// <summary>None is better than another.</summary>
    public IComparer<Endpoint> Comparer { get; } = Comparer<Endpoint>.Create((_, _) => 0);

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) => true;

    public IReadOnlyList<PolicyNodeEdge> GetEdges(IReadOnlyList<Endpoint> endpoints) =>
        [.. Enum.GetValues<Listener>().Where(l => BitOperations.IsPow2((int)l)).Select(l => new PolicyNodeEdge(l, Answering(endpoints, l)))];

    public PolicyJumpTable BuildJumpTable(int exitDestination, IReadOnlyList<PolicyJumpTableEdge> edges) =>
        new JumpTable(exitDestination, edges.ToDictionary(e => (Listener)e.State, e => e.Destination));

    /// <summary>Where a path without parameters is among them, no other would ever be chosen.</summary>
    private static List<Endpoint> Answering(IReadOnlyList<Endpoint> endpoints, Listener listener)
    {
        var answering = endpoints.Where(e => Answers(e, listener)).ToList();
        return answering.Find(e => e is RouteEndpoint { RoutePattern.Parameters.Count: 0 }) is { } exact ? [exact] : answering;
    }

    private static bool Answers(Endpoint endpoint, Listener listener) =>
        ((endpoint.Metadata.GetMetadata<ListenerMetadata>()?.Listeners ?? Listener.Main) & listener) != 0;

    private sealed class JumpTable(int exit, Dictionary<Listener, int> destinations) : PolicyJumpTable
    {
        public override int GetDestination(HttpContext httpContext) => destinations.GetValueOrDefault(ListenerFeature.Of(httpContext), exit);
    }
}
