using Gradients.Server.Hosting;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using static Gradients.Server.Tests.Graphs;

namespace Gradients.Server.Tests;

/// <summary>What Prometheus reads.</summary>
[Collection(nameof(Observed))]
public sealed class MetricsTests : IAsyncLifetime
{
    private WebApplication _app = null!;
    private HttpClient _http = null!;
    private GrpcChannel _channel = null!;

    public async ValueTask InitializeAsync()
    {
        var options = new GradientsServerOptions { ComputeThreads = 1, Management = new ManagementOptions { Port = 0 }, Web = { Port = 0 } };
        _app = GradientsServer.Build(options, configure: b => b.Logging.ClearProviders());
        await _app.StartAsync();
        _http = new HttpClient { BaseAddress = GradientsServer.ManagementAddress(_app) };
        _channel = GrpcChannel.ForAddress(GradientsServer.Address(_app));
    }

    [Fact]
    public async Task A_gradient_is_counted()
    {
        var sessions = new V1.SessionService.SessionServiceClient(_channel);
        var session = (await sessions.CreateSessionAsync(new V1.CreateSessionRequest())).Session.Name;
        await sessions.DefineNodesAsync(Define(session));
        await sessions.SetVariablesAsync(Set(session, 2, 3));
        await sessions.BackwardAsync(Backward(session));
        await sessions.BackwardAsync(Backward(session));
        await Assert.ThrowsAsync<RpcException>(async () => await sessions.GetSessionAsync(new V1.GetSessionRequest { Name = "sessions/x" }));
        var text = await _http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Equal(1, Value(text, "gradients_sessions"));
        Assert.Equal(4, Value(text, "gradients_session_nodes"));
        Assert.Equal(2, Value(text, "gradients_executions_total", "gradients_phase=\"backward\""));

        // Setting variables has none: it computes nothing.
        Assert.Equal(1, Value(text, "gradients_plan_misses_total"));
        Assert.Equal(1, Value(text, "gradients_plan_hits_total"));

        // Two elements of float64 for w and, twice, for x in; twice the gradient of w out.
        Assert.Equal(48, Value(text, "gradients_tensor_io_bytes_total", "network_io_direction=\"receive\""));
        Assert.Equal(32, Value(text, "gradients_tensor_io_bytes_total", "network_io_direction=\"transmit\""));
        Assert.Equal(1L << 30, Value(text, "gradients_pool_budget_bytes"));
        Assert.Equal(1, Value(text, "gradients_refusals_total", "reason=\"SESSION_NOT_FOUND\""));
        Assert.Equal(2, Value(text, "rpc_server_call_duration_seconds_count", "rpc_method=\"gradients.v1.SessionService/Backward\"", "rpc_response_status_code=\"OK\""));
        Assert.Equal(4, Value(text, "gradients_queue_duration_seconds_count"));
        Assert.Equal(0, Value(text, "gradients_draining"));
        Assert.Equal(1, Value(text, "gradients_build_info", "version="));
    }

    [Fact]
    public async Task A_call_by_JSON_is_counted_as_its_rpc()
    {
        using var web = new HttpClient { BaseAddress = GradientsServer.WebAddress(_app) };
        await web.GetAsync("/v1/ops", TestContext.Current.CancellationToken);
        await web.GetAsync("/v1/sessions/x", TestContext.Current.CancellationToken);
        await web.PostAsync("/v1:evaluate", new StringContent("{", null, "application/json"), TestContext.Current.CancellationToken);
        var text = await _http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Equal(1, Value(text, "rpc_server_call_duration_seconds_count", "rpc_method=\"gradients.v1.ServerService/ListOps\"", "rpc_response_status_code=\"OK\""));
        Assert.Equal(1, Value(text, "rpc_server_call_duration_seconds_count", "rpc_method=\"gradients.v1.SessionService/GetSession\"", "rpc_response_status_code=\"NOT_FOUND\""));
        Assert.Equal(1, Value(text, "gradients_refusals_total", "reason=\"SESSION_NOT_FOUND\""));
        Assert.Equal(1, Value(text, "gradients_refusals_total", "reason=\"MALFORMED_MESSAGE\""));
    }

    [Fact]
    public async Task No_label_is_a_name_that_a_client_made_up()
    {
        var method = new Method<string, string>(MethodType.Unary, "evil", "name", Marshallers.StringMarshaller, Marshallers.StringMarshaller);
        await Assert.ThrowsAsync<RpcException>(() => _channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, "").ResponseAsync);
        var text = await _http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Equal(1, Value(text, "rpc_server_call_duration_seconds_count", "rpc_method=\"_OTHER\"", "error_type=\"UNIMPLEMENTED\""));
        Assert.Equal(1, Value(text, "gradients_refusals_total", "reason=\"RPC_UNIMPLEMENTED\""));
        Assert.DoesNotContain("evil", text, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _channel.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>The value of the one line with this name and these labels.</summary>
    private static double Value(string text, string name, params string[] labels)
    {
        var lines = text.Split('\n').Where(l => (l.StartsWith(name + "{", StringComparison.Ordinal) || l.StartsWith(name + " ", StringComparison.Ordinal)) && labels.All(l.Contains)).ToArray();
        Assert.True(lines.Length == 1, $"{name} {string.Join(',', labels)}: {lines.Length} lines of\n{text}");
        return double.Parse(lines[0].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
