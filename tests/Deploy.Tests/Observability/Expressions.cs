using System.Text.Json;
using System.Text.RegularExpressions;
using Gradients.Deploy.Tests.Helm;
using k8s;

namespace Gradients.Deploy.Tests.Observability;

/// <summary>The PromQL of alerts and dashboards.</summary>
internal static partial class Expressions
{
    public const string AlertsFile = $"{Chart.Directory}/alerts.yaml";
    public const string DashboardFile = "deploy/observability/grafana/dashboards/gradients.json";

    private static readonly HashSet<string> Keywords = ["and", "or", "unless", "offset", "bool", "sum", "max", "min", "avg", "count"];

    public static IReadOnlyList<Rule> Alerts() =>
        [.. KubernetesYaml.Deserialize<PrometheusRuleSpec>(Repository.Read(AlertsFile), strict: true).Groups.SelectMany(g => g.Rules)];

    /// <summary>Expressions of the dashboard as Grafana sends them: variables replaced.</summary>
    public static IReadOnlyList<string> Dashboard()
    {
        using var dashboard = JsonDocument.Parse(Repository.Read(DashboardFile));
        return
        [
            .. dashboard.RootElement.GetProperty("panels").EnumerateArray()
                .Where(p => p.TryGetProperty("targets", out _))
                .SelectMany(p => p.GetProperty("targets").EnumerateArray())
                .Select(t => t.GetProperty("expr").GetString()!.Replace("$__rate_interval", "1m", StringComparison.Ordinal).Replace("$instance", ".*", StringComparison.Ordinal)),
        ];
    }

    /// <summary>Names of the metrics in an expression.</summary>
    public static IReadOnlyList<string> Metrics(string expression) =>
        [.. Name().Matches(NoMetric().Replace(expression, " ")).Select(m => m.Value).Where(n => !Keywords.Contains(n)).Distinct()];

    // Label selectors, ranges, grouping clauses and names of functions.
    [GeneratedRegex("""\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring)\s*\([^)]*\)|\b[a-z_0-9]+\s*(?=\()|\b[0-9.]+\b""")]
    private static partial Regex NoMetric();

    [GeneratedRegex("[a-z][a-z0-9_]*")]
    private static partial Regex Name();
}
