using System.ComponentModel.DataAnnotations;
using Google.Protobuf;
using Gradients.Engine.Execution;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Stateless;

public sealed class WarmUpTests
{
    /// <summary>w and x are not fed by the file: they are 0 there, and the plan is that of the same shapes.</summary>
    internal const string Regression = """
        {
          "graph": {
            "text": {
              "source": "mean((w*x + b - y)**2)",
              "bindings": [
                {"name": "w", "value": "1", "variable": true, "type": {"dataType": "DATA_TYPE_FLOAT64"}},
                {"name": "b", "value": "2", "variable": true, "type": {"dataType": "DATA_TYPE_FLOAT64"}},
                {"name": "x", "value": "3", "type": {"dataType": "DATA_TYPE_FLOAT64", "dimensions": [{"symbol": "batch"}]}},
                {"name": "y", "value": "4", "type": {"dataType": "DATA_TYPE_FLOAT64", "dimensions": [{"symbol": "batch"}]}}
              ],
              "result": "9"
            }
          },
          "feeds": [{"node": "4", "tensor": {"shape": ["3"]}}],
          "fetches": [{"value": "9"}],
          "roots": [{"value": "9"}]
        }
        """;

    [Fact]
    public async Task The_first_request_of_a_client_finds_graph_and_plan()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["regression.json"], Regression);
        await File.WriteAllTextAsync(folder["notes.txt"], "not a request");
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { WarmUp = folder[""] });
        var name = (await server.Graphs.ListGraphsAsync(new V1.ListGraphsRequest())).Graphs.Single().Name;
        var request = StoredGraphTests.Named(name);
        request.Profile = true;
        var reply = await server.Evaluation.EvaluateAsync(request);
        Assert.True(reply.Profile.PlanCacheHit);
        Assert.Equal(50.0 / 3, Elements(reply.Values[0].Tensor)[0], 1e-12);
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    [Fact]
    public async Task A_folder_of_a_tenants_name_is_that_tenants()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["acme"]);
        Directory.CreateDirectory(folder["..data"]);
        await File.WriteAllTextAsync(Path.Combine(folder["acme"], "1.json"), Regression);
        await File.WriteAllTextAsync(Path.Combine(folder["..data"], "1.json"), "{");
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { WarmUp = folder[""] });
        Assert.Empty((await server.Graphs.ListGraphsAsync(new V1.ListGraphsRequest())).Graphs);
        Assert.Single((await new Tenants.TestTenant(server, "acme").Graphs.ListGraphsAsync(new V1.ListGraphsRequest())).Graphs);
    }

    [Fact]
    public async Task The_server_is_not_ready_before_it_is_warm()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["regression.json"], Regression);
        var options = new GradientsServerOptions { WarmUp = folder[""], ComputeThreads = 1, Management = new ManagementOptions { Port = 0 } };
        await using var app = GradientsServer.Build(options, configure: b => b.Logging.ClearProviders());
        using var gate = new Gate();
        app.Services.GetRequiredService<EngineHost>().Scheduler.CreateQueue().Enqueue(gate);
        var starting = app.StartAsync();
        await Eventually.HoldsAsync(() => GradientsServer.Address(app)?.Port > 0 && GradientsServer.ManagementAddress(app)?.Port > 0);
        using var channel = GrpcChannel.ForAddress(GradientsServer.Address(app));
        using var http = new HttpClient { BaseAddress = GradientsServer.ManagementAddress(app) };
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest())).Status);
        Assert.Equal("warming up\n", await (await http.GetAsync("readyz")).Content.ReadAsStringAsync());
        Assert.False(starting.IsCompleted);
        gate.Open();
        await starting;
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest())).Status);
        Assert.Equal("ready\n", await http.GetStringAsync("readyz"));
        await app.StopAsync();
    }

    [Theory]
    [InlineData("{", "json")]
    [InlineData("""{"grpah": {}}""", "grpah")]
    [InlineData("""{"fetches": [{"value": "1"}]}""", "graph is required")]
    [InlineData("""{"graph": {"graph": {}}}""", "nothing is computed")]
    [InlineData("""{"graph": {"graph": {"nodes": [{"id": "1", "op": "NoSuchOp"}]}}, "fetches": [{"value": "1"}]}""", "NoSuchOp")]
    [InlineData("""{"graph": {"text": {"source": "1 +", "result": "1"}}, "fetches": [{"value": "1"}]}""", "EXPRESSION_SYNTAX")]
    public async Task A_broken_file_keeps_the_server_from_starting(string content, string message)
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["broken.json"], content);
        var e = Assert.Throws<ValidationException>(() => GradientsServer.Build(new GradientsServerOptions { WarmUp = folder[""] }));
        Assert.Contains("broken.json", e.Message, StringComparison.Ordinal);
        if (message != "json")
            Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_fails_stops_the_start()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["mismatch.json"], """
            {"graph": {"text": {"source": "sum(x*y)", "result": "9", "bindings": [
              {"name": "x", "value": "1", "type": {"dataType": "DATA_TYPE_FLOAT64", "dimensions": [{"size": "2"}]}},
              {"name": "y", "value": "2", "type": {"dataType": "DATA_TYPE_FLOAT64", "dimensions": [{"size": "3"}]}}]}},
             "fetches": [{"value": "9"}]}
            """);
        await using var app = GradientsServer.Build(new GradientsServerOptions { WarmUp = folder[""] }, configure: b => b.Logging.ClearProviders());
        var e = await Assert.ThrowsAsync<ValidationException>(() => app.StartAsync());
        Assert.Contains("mismatch.json: SHAPE_MISMATCH", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_folder_is_named() =>
        Assert.Contains("no-such-folder", Assert.Throws<ValidationException>(() => GradientsServer.Build(new GradientsServerOptions { WarmUp = "/no-such-folder" })).Message, StringComparison.Ordinal);

    /// <summary>Occupies a compute thread until it is opened.</summary>
    private sealed class Gate : Work, IDisposable
    {
        private readonly ManualResetEventSlim _open = new();

        public void Open() => _open.Set();

        public void Dispose() => _open.Dispose();

        protected override WorkStatus Run(long parkAt)
        {
            _open.Wait();
            return WorkStatus.Done;
        }

        protected override void Abandon()
        {
        }
    }
}
