using Microsoft.AspNetCore.Routing.Matching;

namespace Gradients.Server.Hosting;

/// <summary>Endpoints answer on the listeners of their metadata; those without any on the main listener alone.</summary>
internal sealed class ListenerPolicy : MatcherPolicy, IEndpointSelectorPolicy
{
    public override int Order => 0;

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) => true;

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        var listener = ListenerFeature.Of(httpContext);
        for (var i = 0; i < candidates.Count; i++)
        {
            if (((candidates[i].Endpoint.Metadata.GetMetadata<ListenerMetadata>()?.Listeners ?? Listener.Main) & listener) == 0)
                candidates.SetValidity(i, false);
        }

        return Task.CompletedTask;
    }
}
