using System.Globalization;
using k8s.Models;

namespace Gradients.Deploy.Tests.Helm;

public class DeploymentTests
{
    private const long MiB = 1L << 20;

    [Theory]
    [InlineData(1024, 256)]
    [InlineData(64, 64)]
    [InlineData(1048576, 4096)]
    public void MemoryLimitIsTheBudgetsAnd192MiB(long engine, long wire)
    {
        var manifests = Chart.Render("tls.allowPlaintext=true", $"engine.memoryBudgetMiB={engine}", $"engine.wireBudgetMiB={wire}");
        var resources = Chart.Container(manifests).Resources;
        Assert.Equal((engine + wire + 192) * MiB, resources.Limits["memory"].ToInt64());
        Assert.Equal(resources.Limits["memory"].ToInt64(), resources.Requests["memory"].ToInt64());
        var environment = Chart.Environment(manifests);
        Assert.Equal((engine * MiB).ToString(CultureInfo.InvariantCulture), environment["GRADIENTS__MEMORYBUDGETBYTES"]);
        Assert.Equal((wire * MiB).ToString(CultureInfo.InvariantCulture), environment["GRADIENTS__WIREBUDGETBYTES"]);
    }

    [Theory]
    [InlineData("cpu.limit=2", "2")]
    [InlineData("cpu.limit=500m", "1")]
    [InlineData("cpu.limit=1500m", "2")]
    [InlineData("cpu.limit=2.5", "3")]
    [InlineData("cpu.limit=", "2")]
    [InlineData("engine.computeThreads=7", "7")]
    public void ThreadsFollowTheCpuLimit(string set, string threads) =>
        Assert.Equal(threads, Chart.Environment(Chart.Render("tls.allowPlaintext=true", set))["GRADIENTS__COMPUTETHREADS"]);

    [Fact]
    public void OnePodIsReplacedNotDoubled()
    {
        var spec = Chart.Render("tls.allowPlaintext=true").OfType<V1Deployment>().Single().Spec;
        Assert.Equal(1, spec.Replicas);
        Assert.Equal("Recreate", spec.Strategy.Type);
        Assert.Null(spec.Strategy.RollingUpdate);
    }

    [Fact]
    public void StatelessReplicasRollWithoutAGap()
    {
        var manifests = Chart.Render(ValueSets.Get("three stateless replicas"));
        var spec = manifests.OfType<V1Deployment>().Single().Spec;
        Assert.Equal(3, spec.Replicas);
        Assert.Equal("RollingUpdate", spec.Strategy.Type);
        Assert.Equal("0", spec.Strategy.RollingUpdate.MaxUnavailable);
        Assert.Equal("true", Chart.Environment(manifests)["GRADIENTS__STATELESS"]);
        Assert.Equal(5, Chart.Container(manifests).Lifecycle.PreStop.Sleep.Seconds);
        Assert.Equal("None", manifests.OfType<V1Service>().Single(s => s.Metadata.Name == "release-gradients").Spec.ClusterIP);
    }

    [Theory]
    [InlineData(0, "00:00:00")]
    [InlineData(30, "00:00:30")]
    [InlineData(3600, "01:00:00")]
    public void KubernetesWaitsLongerThanTheDrain(int seconds, string text)
    {
        var manifests = Chart.Render("tls.allowPlaintext=true", $"drainSeconds={seconds}", "preStopSleepSeconds=5");
        Assert.Equal(text, Chart.Environment(manifests)["GRADIENTS__DRAINTIMEOUT"]);
        var pod = manifests.OfType<V1Deployment>().Single().Spec.Template.Spec;
        Assert.True(pod.TerminationGracePeriodSeconds >= seconds + 5 + 10);
        var liveness = pod.Containers[0].LivenessProbe;
        Assert.True(liveness.FailureThreshold * liveness.PeriodSeconds > seconds);
    }

    [Fact]
    public void ProbesAskTheHealthPort()
    {
        var manifests = Chart.Render("tls.existingSecret=server-tls");
        var container = Chart.Container(manifests);
        foreach (var probe in new[] { container.StartupProbe, container.LivenessProbe, container.ReadinessProbe })
        {
            Assert.Equal(50053, probe.Grpc.Port);
            Assert.Null(probe.HttpGet);
            Assert.Null(probe.TcpSocket);
            Assert.Null(probe.Exec);
        }

        var environment = Chart.Environment(manifests);
        Assert.Equal("50053", environment["GRADIENTS__MANAGEMENT__GRPCPORT"]);
        Assert.Equal("0.0.0.0", environment["GRADIENTS__MANAGEMENT__ADDRESS"]);
        Assert.Equal(["grpc=50051", "management=50052", "health=50053"], container.Ports.Select(p => $"{p.Name}={p.ContainerPort}"));
    }

    [Fact]
    public void FilesThatTheServerIsToldToReadAreMounted()
    {
        foreach (var values in new[] { "TLS and API keys", "mutual TLS and JWT from a config map" })
        {
            var manifests = Chart.Render(ValueSets.Get(values));
            var mounts = Chart.Container(manifests).VolumeMounts.Select(m => m.MountPath).ToHashSet();
            var files = Chart.Environment(manifests).Where(e => e.Key.EndsWith("FILE", StringComparison.Ordinal)).ToList();
            Assert.Equal(mounts, files.Select(f => Path.GetDirectoryName(f.Value)!).ToHashSet());
            Assert.DoesNotContain(Chart.Environment(manifests), e => e is { Key: "GRADIENTS__ALLOWPLAINTEXT", Value: "true" });
        }
    }

    [Fact]
    public void WarmUpRequestsComeFromAConfigMap()
    {
        var manifests = Chart.Render(ValueSets.Get("web and warm-up"));
        var folder = Chart.Environment(manifests)["GRADIENTS__WARMUP"];
        var mount = Assert.Single(Chart.Container(manifests).VolumeMounts, m => m.MountPath == folder);
        Assert.Equal("graphs", Assert.Single(manifests.OfType<V1Deployment>().Single().Spec.Template.Spec.Volumes, v => v.Name == mount.Name).ConfigMap.Name);
    }

    [Fact]
    public void NothingIsExportedUnlessAnEndpointIsGiven()
    {
        Assert.DoesNotContain(Chart.Environment(Chart.Render("tls.allowPlaintext=true")), e => e.Key.StartsWith("OTEL_", StringComparison.Ordinal));
        Assert.Equal("http://collector.monitoring:4317", Chart.Environment(Chart.Render(ValueSets.Get("monitoring")))["OTEL_EXPORTER_OTLP_ENDPOINT"]);
    }
}
