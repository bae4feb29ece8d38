using Gradients.Server.Hosting;

namespace Gradients.Server.Security;

/// <summary>All that is answered without a credential where credentials are required.</summary>
internal static class Exemptions
{
    /// <summary>
    /// True on the management listeners: /healthz, /readyz, /metrics, /drain (which is taken from loopback alone) and
    /// grpc.health.v1. On the main listener nothing is exempt.
    /// </summary>
    public static bool Cover(HttpContext context) => ListenerFeature.Of(context) is Listener.Management or Listener.ManagementGrpc;
}
