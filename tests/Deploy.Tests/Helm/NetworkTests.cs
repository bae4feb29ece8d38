using k8s.Models;

namespace Gradients.Deploy.Tests.Helm;

public class NetworkTests
{
    [Fact]
    public void OnlyTheApiIsOpenToTheNamespaceAndOnlyMetricsToTheMonitoring()
    {
        var spec = Chart.Render("tls.allowPlaintext=true").OfType<V1NetworkPolicy>().Single().Spec;
        Assert.Equal(["Ingress", "Egress"], spec.PolicyTypes);
        Assert.Collection(
            spec.Ingress,
            api =>
            {
                Assert.Equal("50051", Assert.Single(api.Ports).Port);
                Assert.Null(Assert.Single(api.FromProperty).NamespaceSelector);
            },
            management =>
            {
                Assert.Equal("50052", Assert.Single(management.Ports).Port);
                Assert.Equal("monitoring", Assert.Single(management.FromProperty).NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"]);
            });
        Assert.Equal(["UDP 53", "TCP 53"], Assert.Single(spec.Egress).Ports.Select(p => $"{p.Protocol} {p.Port.Value}"));
    }

    [Fact]
    public void ManagementIsClosedWithoutMetrics()
    {
        var manifests = Chart.Render("tls.allowPlaintext=true", "metrics.enabled=false");
        Assert.Equal("50051", Assert.Single(Assert.Single(manifests.OfType<V1NetworkPolicy>().Single().Spec.Ingress).Ports).Port);
        Assert.Equal("release-gradients", Assert.Single(manifests.OfType<V1Service>()).Metadata.Name);
    }

    [Theory]
    [InlineData("otlp.endpoint=http://collector.monitoring:4317", "4317")]
    [InlineData("otlp.endpoint=https://collector.example/otlp", "443")]
    [InlineData("otlp.endpoint=http://collector.example", "80")]
    public void EgressIsOpenForTheEndpointsPort(string set, string port)
    {
        var egress = Chart.Render("tls.allowPlaintext=true", set, "networkPolicy.otlpTo[0].ipBlock.cidr=10.1.0.0/16").OfType<V1NetworkPolicy>().Single().Spec.Egress;
        Assert.Equal(2, egress.Count);
        Assert.Equal(port, Assert.Single(egress[1].Ports).Port);
        Assert.Equal("10.1.0.0/16", Assert.Single(egress[1].To).IpBlock.Cidr);
    }

    [Fact]
    public void EgressIsOpenForTheIssuersKeys()
    {
        var egress = Chart.Render(ValueSets.Get("JWT from a URL")).OfType<V1NetworkPolicy>().Single().Spec.Egress;
        Assert.Equal("8443", Assert.Single(egress[^1].Ports).Port);
    }

    [Fact]
    public void ServicesPointAtPortsOfTheContainer()
    {
        var manifests = Chart.Render("tls.allowPlaintext=true", "service.port=8080");
        var ports = Chart.Container(manifests).Ports.ToDictionary(p => p.Name, p => p.ContainerPort);
        var services = manifests.OfType<V1Service>().ToDictionary(s => s.Metadata.Name, s => Assert.Single(s.Spec.Ports));
        Assert.Equal((8080, 50051), (services["release-gradients"].Port, ports[services["release-gradients"].TargetPort.Value]));
        Assert.Equal((50052, 50052), (services["release-gradients-management"].Port, ports[services["release-gradients-management"].TargetPort.Value]));
    }

    [Fact]
    public void TheWebPortIsOpenWhereItIsAskedFor()
    {
        var manifests = Chart.Render(ValueSets.Get("web and warm-up"));
        var service = manifests.OfType<V1Service>().Single(s => s.Metadata.Name == "release-gradients");
        var port = Assert.Single(service.Spec.Ports, p => p.Name == "web");
        Assert.Equal((443, "https"), (port.Port, port.AppProtocol));
        Assert.Equal(50080, Assert.Single(Chart.Container(manifests).Ports, p => p.Name == port.TargetPort.Value).ContainerPort);
        Assert.Equal(["50051", "50080"], manifests.OfType<V1NetworkPolicy>().Single().Spec.Ingress[0].Ports.Select(p => p.Port.Value));
        var environment = Chart.Environment(manifests);
        Assert.Equal(("0.0.0.0", "50080"), (environment["GRADIENTS__WEB__ADDRESS"], environment["GRADIENTS__WEB__PORT"]));
        Assert.Equal(["https://app.example.org", "https://b.example.org:8443"], [environment["GRADIENTS__WEB__ALLOWEDORIGINS__0"], environment["GRADIENTS__WEB__ALLOWEDORIGINS__1"]]);
        Assert.DoesNotContain(Chart.Environment(Chart.Render("tls.allowPlaintext=true")), e => e.Key.StartsWith("GRADIENTS__WEB", StringComparison.Ordinal));
    }

    [Fact]
    public void TheMonitorFindsTheManagementServiceOnly()
    {
        var manifests = Chart.Render(ValueSets.Get("monitoring"));
        var monitor = manifests.OfType<ServiceMonitor>().Single();
        Assert.Equal("prometheus", monitor.Metadata.Labels["release"]);
        var found = manifests.OfType<V1Service>().Where(s => monitor.Spec.Selector.MatchLabels.All(l => s.Metadata.Labels.TryGetValue(l.Key, out var v) && v == l.Value));
        var service = Assert.Single(found);
        Assert.Equal("release-gradients-management", service.Metadata.Name);
        Assert.Equal(service.Spec.Ports[0].Name, Assert.Single(monitor.Spec.Endpoints).Port);
        Assert.Equal("gradients", service.Metadata.Labels[monitor.Spec.JobLabel]);
    }

    [Fact]
    public void OneStatefulPodDoesNotBlockTheDrainOfItsNode()
    {
        var budget = Chart.Render("tls.allowPlaintext=true").OfType<V1PodDisruptionBudget>().Single().Spec;
        Assert.Equal("1", budget.MaxUnavailable);
        Assert.Null(budget.MinAvailable);
        budget = Chart.Render("tls.allowPlaintext=true", "podDisruptionBudget.minAvailable=50%").OfType<V1PodDisruptionBudget>().Single().Spec;
        Assert.Equal("50%", budget.MinAvailable);
        Assert.Null(budget.MaxUnavailable);
    }
}
