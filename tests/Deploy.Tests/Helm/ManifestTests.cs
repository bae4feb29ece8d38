using k8s;
using k8s.Models;

namespace Gradients.Deploy.Tests.Helm;

/// <summary>What holds of every release.</summary>
public class ManifestTests
{
    public static TheoryData<string> Names => ValueSets.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryManifestIsValidAndNamedAlike(string values)
    {
        var manifests = Chart.Render(ValueSets.Get(values));
        Assert.NotEmpty(manifests);
        foreach (var metadata in manifests.Cast<IKubernetesObject<V1ObjectMeta>>().Select(m => m.Metadata))
        {
            Assert.Matches("^(release-gradients|calculus)(-management|-try)?$", metadata.Name);
            Assert.Equal("gradients", metadata.Labels["app.kubernetes.io/name"]);
            Assert.Equal("release", metadata.Labels["app.kubernetes.io/instance"]);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void LintHasNoWarning(string values)
    {
        var result = Tool.Helm(["lint", "--strict", Repository.PathOf(Chart.Directory), .. ValueSets.Get(values).SelectMany(s => new[] { "--set", s })]);
        Assert.True(result.ExitCode == 0, result.All);
        Assert.Contains("0 chart(s) failed", result.All, StringComparison.Ordinal);
        Assert.DoesNotContain("[WARNING]", result.All, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void PodsHaveNoPrivileges(string values)
    {
        var manifests = Chart.Render(ValueSets.Get(values));
        foreach (var pod in manifests.OfType<V1Deployment>().Select(d => d.Spec.Template.Spec).Concat(manifests.OfType<V1Pod>().Select(p => p.Spec)))
        {
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.True(pod.SecurityContext.RunAsUser > 0);
            Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
            Assert.False(pod.AutomountServiceAccountToken);
            Assert.Null(pod.HostNetwork);
            Assert.Null(pod.HostPID);
            var container = Assert.Single(pod.Containers);
            Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            Assert.Null(container.SecurityContext.Capabilities.Add);
            Assert.True(container.Resources.Limits.ContainsKey("memory"));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void SelectorsFindThePodsOfTheDeploymentAndNoOthers(string values)
    {
        var manifests = Chart.Render(ValueSets.Get(values));
        var deployment = manifests.OfType<V1Deployment>().Single();
        var labels = deployment.Spec.Template.Metadata.Labels;
        var selectors = new List<IDictionary<string, string>> { deployment.Spec.Selector.MatchLabels };
        selectors.AddRange(manifests.OfType<V1Service>().Select(s => s.Spec.Selector));
        selectors.AddRange(manifests.OfType<V1PodDisruptionBudget>().Select(b => b.Spec.Selector.MatchLabels));
        selectors.AddRange(manifests.OfType<V1NetworkPolicy>().Select(p => p.Spec.PodSelector.MatchLabels));
        foreach (var selector in selectors)
        {
            Assert.Equal(selectors[0], selector);
            Assert.All(selector, s => Assert.Equal(s.Value, labels[s.Key]));
            Assert.All(manifests.OfType<V1Pod>(), p => Assert.NotEqual(selector["app.kubernetes.io/component"], p.Metadata.Labels["app.kubernetes.io/component"]));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void SecretsAreMountedByNameAndNeverWrittenOut(string values)
    {
        var manifests = Chart.Render(ValueSets.Get(values));
        Assert.Empty(manifests.OfType<V1Secret>());
        var pod = manifests.OfType<V1Deployment>().Single().Spec.Template.Spec;
        foreach (var mount in pod.Containers[0].VolumeMounts ?? [])
        {
            Assert.True(mount.ReadOnlyProperty);
            // Kubernetes does not renew files mounted by subPath.
            Assert.Null(mount.SubPath);
            Assert.Contains(pod.Volumes, v => v.Name == mount.Name);
        }

        foreach (var secret in (pod.Volumes ?? []).Select(v => v.Secret).OfType<V1SecretVolumeSource>())
            Assert.Equal(Convert.ToInt32("440", 8), secret.DefaultMode);
    }

    [Fact]
    public void AnUnknownFieldIsAnError() => Assert.ThrowsAny<Exception>(() => Chart.Parse(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  prots: []\n"));
}
