using System.Text.Json;
using YamlDotNet.RepresentationModel;

namespace Gradients.Deploy.Tests.Observability;

public class DashboardTests
{
    private const string Provisioning = "deploy/observability/grafana/provisioning";

    [Theory]
    [InlineData("rpc_server_call_duration_seconds_count")]
    [InlineData("rpc_server_call_duration_seconds_bucket")]
    [InlineData("gradients_flops_total")]
    [InlineData("gradients_pool_rented_bytes")]
    [InlineData("gradients_pool_high_water_bytes")]
    [InlineData("gradients_sessions")]
    [InlineData("gradients_queue_duration_seconds_bucket")]
    [InlineData("gradients_refusals_total")]
    [InlineData("dotnet_gc_pause_time_seconds_total")]
    public void WhatOperatorsAskForIsShown(string metric) =>
        Assert.Contains(Expressions.Dashboard(), e => Expressions.Metrics(e).Contains(metric));

    [Fact]
    public void PanelsHaveIdsDescriptionsAndPlacesOfTheirOwn()
    {
        using var dashboard = JsonDocument.Parse(Repository.Read(Expressions.DashboardFile));
        var panels = dashboard.RootElement.GetProperty("panels").EnumerateArray().ToList();
        Assert.Equal(panels.Count, panels.Select(p => p.GetProperty("id").GetInt32()).Distinct().Count());
        var cells = new HashSet<(int X, int Y)>();
        foreach (var panel in panels)
        {
            Assert.NotEmpty(panel.GetProperty("title").GetString()!);
            if (panel.GetProperty("type").GetString() != "row")
                Assert.NotEmpty(panel.GetProperty("description").GetString()!);
            var place = panel.GetProperty("gridPos").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt32());
            Assert.InRange(place["x"] + place["w"], 1, 24);
            for (var x = 0; x < place["w"]; x++)
                for (var y = 0; y < place["h"]; y++)
                    Assert.True(cells.Add((place["x"] + x, place["y"] + y)), $"{panel.GetProperty("title")} lies on another panel.");
        }
    }

    [Fact]
    public void EveryDataSourceIsProvisioned()
    {
        var sources = (YamlSequenceNode)Yaml.Read($"{Provisioning}/datasources/sources.yaml")["datasources"];
        var provisioned = sources.Select(s => (Yaml.Text(s, "uid"), Yaml.Text(s, "type"))).ToHashSet();
        using var dashboard = JsonDocument.Parse(Repository.Read(Expressions.DashboardFile));
        foreach (var panel in dashboard.RootElement.GetProperty("panels").EnumerateArray().Where(p => p.TryGetProperty("targets", out _)))
            foreach (var source in panel.GetProperty("targets").EnumerateArray().Append(panel).Select(t => t.GetProperty("datasource")))
                Assert.Contains((source.GetProperty("uid").GetString()!, source.GetProperty("type").GetString()!), provisioned);
    }

    [Fact]
    public void GrafanaLooksForDashboardsWhereComposePutsThem()
    {
        var provider = Assert.Single((YamlSequenceNode)Yaml.Read($"{Provisioning}/dashboards/dashboards.yaml")["providers"]);
        var path = Yaml.Text(provider["options"], "path");
        Assert.Contains($"./{Path.GetDirectoryName(Expressions.DashboardFile)}:{path}:ro", Compose.Mounts("grafana"));
    }
}
