using Gradients.Deploy.Tests.Observability;

namespace Gradients.Deploy.Tests.Helm;

public class AlertRuleTests
{
    [Fact]
    public void TheRuleHoldsEveryAlertAsItIsWithTheRunbooksAddress()
    {
        var rules = Assert.Single(Chart.Render(ValueSets.Get("monitoring")).OfType<PrometheusRule>().Single().Spec.Groups).Rules;
        var alerts = Expressions.Alerts();
        Assert.Equal(alerts.Select(a => (a.Alert, a.Expr, a.For, a.Annotations["summary"])), rules.Select(a => (a.Alert, a.Expr, a.For, a.Annotations["summary"])));
        Assert.Equal(
            alerts.Select(a => a.Annotations["runbook_url"].Replace("docs/runbook.md", "https://example.org/runbook", StringComparison.Ordinal)),
            rules.Select(a => a.Annotations["runbook_url"]));
    }
}
