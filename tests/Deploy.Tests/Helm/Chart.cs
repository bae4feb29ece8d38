using k8s;
using k8s.Models;

namespace Gradients.Deploy.Tests.Helm;

/// <summary>The chart, rendered by helm and read strictly: a field that Kubernetes does not know is an error.</summary>
internal static class Chart
{
    public const string Directory = "deploy/helm/gradients";

    private static readonly Dictionary<string, Type> Types = new()
    {
        ["apps/v1/Deployment"] = typeof(V1Deployment),
        ["v1/Service"] = typeof(V1Service),
        ["v1/ServiceAccount"] = typeof(V1ServiceAccount),
        ["v1/Pod"] = typeof(V1Pod),
        ["policy/v1/PodDisruptionBudget"] = typeof(V1PodDisruptionBudget),
        ["networking.k8s.io/v1/NetworkPolicy"] = typeof(V1NetworkPolicy),
        ["monitoring.coreos.com/v1/ServiceMonitor"] = typeof(ServiceMonitor),
        ["monitoring.coreos.com/v1/PrometheusRule"] = typeof(PrometheusRule),
    };

    /// <param name="set">Values as <c>--set</c> takes them.</param>
    public static ToolResult Template(params string[] set) =>
        Tool.Helm(["template", "release", Repository.PathOf(Directory), "--namespace", "apps", .. set.SelectMany(s => new[] { "--set", s })]);

    /// <summary>The manifests of a release called <c>release</c> in the namespace <c>apps</c>.</summary>
    public static IReadOnlyList<object> Render(params string[] set)
    {
        var result = Template(set);
        Assert.True(result.ExitCode == 0, result.All);
        return Parse(result.Output);
    }

    public static IReadOnlyList<object> Parse(string yaml) => KubernetesYaml.LoadAllFromString(yaml, Types, strict: true);

    public static V1Container Container(IReadOnlyList<object> manifests) =>
        Assert.Single(manifests.OfType<V1Deployment>().Single().Spec.Template.Spec.Containers);

    /// <summary>Environment variables of the server by name.</summary>
    public static Dictionary<string, string> Environment(IReadOnlyList<object> manifests) =>
        Container(manifests).Env.ToDictionary(e => e.Name, e => e.Value);
}
