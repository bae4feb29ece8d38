using Gradients.Engine.Execution;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gradients.Server.Tests.Stateless;

[Collection(nameof(Observed))]
public sealed class RehearsalTests
{
    /// <summary>What the first caller would wait for has been used: a connection, the service, the evaluation.</summary>
    [Fact]
    public async Task The_way_to_an_evaluation_is_rehearsed()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["regression.json"], WarmUpTests.Regression);
        var options = new GradientsServerOptions { WarmUp = folder[""], Management = new ManagementOptions { Port = 0 }, AllowPlaintext = true, Address = "0.0.0.0" };
        await using var app = GradientsServer.Build(options, configure: b => b.Logging.ClearProviders());
        await app.StartAsync();
        using var http = new HttpClient { BaseAddress = GradientsServer.ManagementAddress(app) };
        var metrics = await http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        string Line(string name, string label) => Assert.Single(metrics.Split('\n'), l => l.StartsWith(name, StringComparison.Ordinal) && l.Contains(label, StringComparison.Ordinal));
        Assert.Contains("} 1", Line("rpc_server_call_duration_seconds_count", "grpc.health.v1.Health/Check"), StringComparison.Ordinal);
        Assert.Contains("} 2", Line("gradients_executions_total", "backward"), StringComparison.Ordinal);
        Assert.Equal(0, app.Services.GetRequiredService<EngineHost>().Pool.RentedCount);
        await app.StopAsync();
    }
}
