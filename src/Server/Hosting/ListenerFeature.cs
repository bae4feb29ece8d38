namespace Gradients.Server.Hosting;

/// <summary>On which listener a connection came in. Set where it is accepted: nothing that a client sends can change it.</summary>
internal sealed record ListenerFeature(Listener Listener)
{
    public static Listener Of(HttpContext context) => context.Features.Get<ListenerFeature>()?.Listener ?? Listener.Main;
}
