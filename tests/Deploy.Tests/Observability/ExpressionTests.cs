using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Gradients.Deploy.Tests.Documents;

namespace Gradients.Deploy.Tests.Observability;

public partial class ExpressionTests
{
    [Fact]
    public void NamesOfMetricsAreFoundInExpressions()
    {
        Assert.Equal(["a_total", "b_bucket"], Expressions.Metrics("""sum by (le, x) (rate(a_total{job="y", m=~"f(a)"}[5m])) > 0.05 * b_bucket and on (i) a_total"""));
        Assert.NotEmpty(Expressions.Dashboard());
        Assert.NotEmpty(Expressions.Alerts());
    }

    [Fact]
    public void EveryMetricIsOneOfTheServersOrTheRuntimes()
    {
        // up is Prometheus' own.
        var known = PrometheusNames.OfDocument(Repository.Read("docs/telemetry.md")).Concat(PrometheusNames.OfRuntime()).Append("up").ToHashSet();
        var used = Expressions.Dashboard().Concat(Expressions.Alerts().Select(a => a.Expr)).SelectMany(Expressions.Metrics)
            .Concat(Explained().Matches(Repository.Read("docs/runbook.md")).Select(m => m.Groups[1].Value)).Distinct();
        Assert.Equal([], used.Except(known));
    }

    [Fact]
    public void EveryExpressionSelectsTheJob()
    {
        foreach (var expression in Expressions.Dashboard().Concat(Expressions.Alerts().Select(a => a.Expr)))
            foreach (var metric in Expressions.Metrics(expression))
                Assert.Matches($$"""{{metric}}\{job="(gradients|collector)"[,}]""", expression);
    }

    [Fact]
    public void PrometheusParsesEveryExpressionOfTheDashboard()
    {
        using var directory = new TemporaryDirectory();
        var rules = new StringBuilder("groups:\n  - name: dashboard\n    rules:\n");
        foreach (var (i, expression) in Expressions.Dashboard().Index())
            rules.Append(CultureInfo.InvariantCulture, $"      - record: expression:{i}\n        expr: '{expression.Replace("'", "''", StringComparison.Ordinal)}'\n");
        var file = directory.PathOf("rules.yml");
        File.WriteAllText(file, rules.ToString());
        var result = Tool.Promtool("check", "rules", file);
        Assert.True(result.ExitCode == 0, result.All);
    }

    [Fact]
    public void PrometheusTakesItsConfigurationAndTheAlertsBehaveAsTested()
    {
        using var directory = new TemporaryDirectory();
        foreach (var (source, name) in new[] { (Expressions.AlertsFile, "alerts.yml"), ("deploy/observability/prometheus.yml", "prometheus.yml"), ("deploy/observability/alerts.test.yml", "alerts.test.yml") })
            File.Copy(Repository.PathOf(source), directory.PathOf(name));
        foreach (var arguments in new string[][] { ["check", "config", directory.PathOf("prometheus.yml")], ["test", "rules", directory.PathOf("alerts.test.yml")] })
        {
            var result = Tool.Promtool(arguments);
            Assert.True(result.ExitCode == 0, result.All);
        }
    }

    [Fact]
    public void EveryAlertIsTestedAndExplained()
    {
        var tests = Repository.Read("deploy/observability/alerts.test.yml");
        var headings = Markdown.Anchors(Repository.Read("docs/runbook.md"));
        foreach (var alert in Expressions.Alerts())
        {
            Assert.Contains($"- alertname: {alert.Alert}\n", tests, StringComparison.Ordinal);
            Assert.NotEmpty(alert.Annotations["summary"]);
            Assert.Contains(alert.Labels["severity"], new[] { "warning", "critical" });
            var link = alert.Annotations["runbook_url"].Split('#');
            Assert.Equal("docs/runbook.md", link[0]);
            Assert.Contains(link[1], headings);
        }
    }

    [GeneratedRegex("`((?:gradients|rpc|dotnet)_[a-z0-9_]+)`")]
    private static partial Regex Explained();
}
