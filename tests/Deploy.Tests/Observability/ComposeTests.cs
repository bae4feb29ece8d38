namespace Gradients.Deploy.Tests.Observability;

public class ComposeTests
{
    [Fact]
    public void EveryFileThatIsMountedExists()
    {
        var mounts = Yaml.Keys(Compose.Services).SelectMany(Compose.Mounts).Where(m => m.StartsWith('.')).ToList();
        Assert.NotEmpty(mounts);
        Assert.All(mounts, m => Assert.True(Path.Exists(Repository.PathOf(m.Split(':')[0][2..])), m));
        Assert.All(mounts, m => Assert.EndsWith(":ro", m, StringComparison.Ordinal));
    }

    [Fact]
    public void TheAlertsOfTheChartAreThoseOfPrometheus()
    {
        var mount = Assert.Single(Compose.Mounts("prometheus"), m => m.EndsWith(":/etc/prometheus/alerts.yml:ro", StringComparison.Ordinal));
        Assert.Equal(Repository.Read(Expressions.AlertsFile), Repository.Read(mount.Split(':')[0][2..]));
        Assert.Equal(["alerts.yml"], Yaml.Texts(Yaml.Read("deploy/observability/prometheus.yml")["rule_files"]));
    }

    [Fact]
    public void PrometheusScrapesServicesOfTheComposition()
    {
        var jobs = (YamlDotNet.RepresentationModel.YamlSequenceNode)Yaml.Read("deploy/observability/prometheus.yml")["scrape_configs"];
        var targets = jobs.SelectMany(j => Yaml.Texts(j["static_configs"][0]["targets"]).Select(t => (Job: Yaml.Text(j, "job_name"), Target: t))).ToList();
        Assert.Equal([("gradients", "gradients:50052"), ("collector", "collector:8888")], targets);
        Assert.All(targets, t => Assert.Contains(t.Target.Split(':')[0], Yaml.Keys(Compose.Services)));
        var reader = Yaml.Read("deploy/observability/collector.yaml")["service"]["telemetry"]["metrics"]["readers"][0];
        Assert.Equal("8888", Yaml.Text(reader["pull"]["exporter"]["prometheus"], "port"));
        // What the server's own default, loopback, would hide.
        Assert.Equal("0.0.0.0", Yaml.Text(Compose.Services["gradients"]["environment"], "GRADIENTS__MANAGEMENT__ADDRESS"));
    }

    [Fact]
    public void EveryPipelineOfTheCollectorUsesWhatIsDefined()
    {
        var collector = Yaml.Read("deploy/observability/collector.yaml");
        var pipelines = collector["service"]["pipelines"];
        Assert.Equal(["logs", "metrics", "traces"], Yaml.Keys(pipelines).Order());
        foreach (var pipeline in Yaml.Keys(pipelines).Select(k => pipelines[k]))
            foreach (var kind in Yaml.Keys(pipeline))
                Assert.All(Yaml.Texts(pipeline[kind]), c => Assert.Contains(c, Yaml.Keys(collector[kind])));
        Assert.All(Yaml.Texts(collector["service"]["extensions"]), e => Assert.Contains(e, Yaml.Keys(collector["extensions"])));
        // Metrics reach Prometheus by its scrape alone.
        Assert.Equal(["nop"], Yaml.Texts(pipelines["metrics"]["exporters"]));
        Assert.Contains(Yaml.Text(collector["exporters"]["otlp/jaeger"], "endpoint").Split(':')[0], Yaml.Keys(Compose.Services));
    }
}
