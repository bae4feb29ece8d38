using Google.Rpc;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Tests.Tenants;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Limits;

public sealed class TenantQuotaTests
{
    /// <summary>A limit of one tenant, and how to pass it from an open session with <see cref="Graphs.Define"/>.</summary>
    private static readonly Dictionary<string, (TenantQuota Quota, string Reason, Func<TestTenant, string, Task> Pass)> Cases = new()
    {
        ["max_sessions"] = (new() { MaxSessions = 1 }, "SESSION_QUOTA", (t, _) => t.OpenAsync()),
        ["max_nodes"] = (new() { MaxNodes = 4 }, "SESSION_QUOTA", async (t, s) => await t.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = s, Nodes = { Node(9, "Neg", 1) } })),
        ["max_runs"] = (new() { MaxRuns = 1 }, "SESSION_QUOTA", TwoRunsAsync),
        ["max_bytes"] = (new() { MaxBytes = 1 << 14 }, "MEMORY_BUDGET_EXCEEDED", (t, s) => UploadAsync(t, s, 1 << 15, 1 << 15)),
        ["max_wire_bytes"] = (new() { MaxWireBytes = 1 << 14 }, "MEMORY_BUDGET_EXCEEDED", async (t, s) => await t.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = s, Nodes = { new V1.Node { Id = 9, Op = "Neg", Inputs = { 1 }, Label = new string('x', 1 << 14) } } })),
        ["max_uploads"] = (new() { MaxUploads = 1 }, "LIMIT_EXCEEDED", (t, s) => WhileUploadingAsync(t, s, () => UploadAsync(t, s, 100, 100))),
        ["max_streams"] = (new() { MaxStreams = 1 }, "LIMIT_EXCEEDED", (t, s) => WhileUploadingAsync(t, s, () => UploadAsync(t, s, 100, 100))),
        ["max_concurrent_calls"] = (new() { MaxConcurrentCalls = 1 }, "LIMIT_EXCEEDED", (t, s) => WhileUploadingAsync(t, s, async () => await t.Info.GetServerInfoAsync(new V1.GetServerInfoRequest()))),
        ["max_flops_per_request"] = (new() { MaxFlopsPerRequest = 1 }, "COMPUTE_QUOTA", async (t, s) => await t.Sessions.BackwardAsync(Backward(s))),
        ["max_flops_per_second"] = (new() { MaxFlopsPerSecond = 1, FlopBurst = TimeSpan.FromSeconds(1) }, "COMPUTE_QUOTA", async (t, s) => await t.Sessions.BackwardAsync(Backward(s))),
    };

    public static TheoryData<string> Limits => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Limits))]
    public async Task A_tenant_over_its_limit_is_told_which_and_others_are_served(string limit)
    {
        var (quota, reason, pass) = Cases[limit];
        var options = new GradientsServerOptions { Tenants = { ["a"] = quota } };
        await using var server = await TestServer.StartAsync(options, new ManualTime());
        TestTenant a = new(server, "a"), b = new(server, "b");
        var session = await a.OpenAsync();
        await a.Sessions.DefineNodesAsync(Define(session));
        await SetAsync(a, session, limit);
        var status = await RefusedAsync(StatusCode.ResourceExhausted, reason, () => pass(a, session));
        var violation = Assert.Single(status.GetDetail<QuotaFailure>().Violations);
        Assert.Equal("tenant:a", violation.Subject);
        Assert.StartsWith($"{limit}: ", violation.Description, StringComparison.Ordinal);
        Assert.Equal(limit, status.GetDetail<ErrorInfo>().Metadata["limit"]);
        Assert.Equal(limit is not ("max_flops_per_request" or "max_bytes" or "max_wire_bytes"), status.GetDetail<RetryInfo>() is not null);

        var other = await b.OpenAsync();
        await b.Sessions.DefineNodesAsync(Define(other));
        await b.Sessions.SetVariablesAsync(Set(other, 2, 3));
        var served = await b.Sessions.BackwardAsync(Backward(other));
        Assert.Equal([5, 7], Elements(served.Gradients[0].Tensor));
    }

    [Fact]
    public async Task The_delay_that_a_refusal_names_is_the_one_that_helps()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Quotas = new() { MaxFlopsPerSecond = 2, FlopBurst = TimeSpan.FromSeconds(5) } }, time);
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        var status = await RefusedAsync(StatusCode.ResourceExhausted, "COMPUTE_QUOTA", async () =>
        {
            for (var i = 0; i < 100; i++)
                await server.Sessions.BackwardAsync(Backward(session));
        });
        time.Advance(status.GetDetail<RetryInfo>().RetryDelay.ToTimeSpan());
        await server.Sessions.BackwardAsync(Backward(session));
    }

    [Fact]
    public async Task What_a_tenant_used_comes_back_when_its_sessions_end()
    {
        await using var server = await TestServer.StartAsync();
        var a = new TestTenant(server, "a");
        for (var i = 0; i < 3; i++)
        {
            var session = await a.OpenAsync();
            await a.Sessions.DefineNodesAsync(Define(session));
            await a.Sessions.SetVariablesAsync(Set(session, 2, 3));
            await ForwardAsync(a, session);
            await UploadAsync(a, session, 100, 100);
            await Assert.ThrowsAsync<RpcException>(() => UploadAsync(a, session, 100, 50));
            await a.Sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = session });
        }

        var usage = server.Usage("a");
        await Eventually.HoldsAsync(() => (usage.Sessions.Used, usage.Engine.Nodes!.Used, usage.Engine.Runs!.Used, usage.Bytes.Used, usage.Uploads.Used, usage.Streams.Used, usage.Calls.Used, usage.Wire.Used) == (0, 0, 0, 0, 0, 0, 1, 0));
        Assert.Equal((0, 0), (server.Host.Pool.RentedCount, server.Host.Pool.ChargedBytes));
    }

    [Fact]
    public async Task Tenants_are_bounded_and_idle_ones_are_forgotten()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxTenants = 2 }, time);
        await new TestTenant(server, "a").OpenAsync();
        await InfoAsync("b");
        await RefusedAsync(StatusCode.ResourceExhausted, "LIMIT_EXCEEDED", () => InfoAsync("c"));
        time.Advance(TimeSpan.FromMinutes(9));
        await RefusedAsync(StatusCode.ResourceExhausted, "LIMIT_EXCEEDED", () => InfoAsync("c"));
        time.Advance(TimeSpan.FromMinutes(2));
        await InfoAsync("c");
        async Task InfoAsync(string tenant) => await new TestTenant(server, tenant).Info.GetServerInfoAsync(new V1.GetServerInfoRequest());
    }

    /// <summary>None but the one tenant of a server without authentication may take everything.</summary>
    [Fact]
    public async Task A_tenant_without_a_limit_of_its_own_gets_three_quarters()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxSessions = 8 });
        Assert.Equal(6U, (await new TestTenant(server, "a").Info.GetServerInfoAsync(new V1.GetServerInfoRequest())).Limits.MaxSessions);
        Assert.Equal(8U, (await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest())).Limits.MaxSessions);
    }

    private static async Task SetAsync(TestTenant tenant, string session, string limit)
    {
        if (limit is "max_runs" or "max_flops_per_request" or "max_flops_per_second")
            await tenant.Sessions.SetVariablesAsync(Set(session, 2, 3));
    }

    private static async Task ForwardAsync(TestTenant tenant, string session) =>
        await tenant.Sessions.ForwardAsync(new V1.ForwardRequest { Session = session, Feeds = { Feed(2, Tensor([5, 7], 2)) }, Gradients = true, Roots = { 4 } });

    private static V1.UploadTensorRequest Header(string session, long bytes) =>
        new() { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { bytes } } };

    private static async Task UploadAsync(TestTenant tenant, string session, long bytes, int sent)
    {
        using var call = tenant.Tensors.UploadTensor();
        try
        {
            await call.RequestStream.WriteAsync(Header(session, bytes));
            await call.RequestStream.WriteAsync(TensorTests.Chunk(0, sent));
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // The server has answered already; the response tells what.
        }

        await call;
    }

    private static async Task TwoRunsAsync(TestTenant tenant, string session)
    {
        await ForwardAsync(tenant, session);
        await ForwardAsync(tenant, session);
    }

    /// <summary>Repeats the call until the upload, which stays open, is counted.</summary>
    private static async Task WhileUploadingAsync(TestTenant tenant, string session, Func<Task> call)
    {
        using var upload = tenant.Tensors.UploadTensor();
        await upload.RequestStream.WriteAsync(Header(session, 100));
        for (var i = 0; i < 1000; i++)
            await call();
    }
}
