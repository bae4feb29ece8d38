using Gradients.Server.Hosting;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Tenants;

public sealed class TenantIsolationTests
{
    /// <summary>Ids are the client's own choice: two tenants that choose the same have nothing in common.</summary>
    [Fact]
    public async Task The_same_request_id_opens_a_session_for_each_tenant()
    {
        await using var server = await TestServer.StartAsync();
        TestTenant a = new(server, "a"), b = new(server, "b");
        var first = await a.OpenAsync(Id(1));
        Assert.Equal(first, await a.OpenAsync(Id(1)));
        var second = await b.OpenAsync(Id(1));
        Assert.NotEqual(first, second);
        Assert.NotEqual(first, (await b.Sessions.CreateSessionAsync(new V1.CreateSessionRequest { RequestId = Id(2), Label = "x" })).Session.Name);
    }

    [Fact]
    public async Task A_list_has_the_tenants_own_sessions_only()
    {
        await using var server = await TestServer.StartAsync();
        TestTenant a = new(server, "a"), b = new(server, "b");
        var mine = await a.OpenAsync();
        await b.OpenAsync();
        await server.OpenAsync();
        Assert.Equal([mine], (await a.Sessions.ListSessionsAsync(new V1.ListSessionsRequest())).Sessions.Select(s => s.Name));
    }

    public static TheoryData<string> Rpcs => [.. Calls.Keys];

    private static readonly Dictionary<string, Func<TestTenant, string, Task>> Calls = new()
    {
        ["GetSession"] = async (t, s) => await t.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = s }),
        ["DeleteSession"] = async (t, s) => await t.Sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = s }),
        ["DefineNodes"] = async (t, s) => await t.Sessions.DefineNodesAsync(Define(s)),
        ["Forward"] = async (t, s) => await t.Sessions.ForwardAsync(new V1.ForwardRequest { Session = s }),
        ["Backward"] = async (t, s) => await t.Sessions.BackwardAsync(Backward(s)),
        ["SetVariables"] = async (t, s) => await t.Sessions.SetVariablesAsync(Set(s, 1, 2)),
        ["GetVariables"] = async (t, s) => await t.Sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = s }),
        ["ZeroGradients"] = async (t, s) => await t.Sessions.ZeroGradientsAsync(new V1.ZeroGradientsRequest { Session = s }),
        ["ApplyGradients"] = async (t, s) => await t.Sessions.ApplyGradientsAsync(new V1.ApplyGradientsRequest { Session = s }),
        ["ReleaseResources"] = async (t, s) => await t.Sessions.ReleaseResourcesAsync(new V1.ReleaseResourcesRequest { Session = s }),
        ["Interact"] = async (t, s) =>
        {
            using var call = t.Sessions.Interact();
            await call.RequestStream.WriteAsync(new V1.InteractRequest { Session = s });
            await call.ResponseStream.MoveNext();
        },
        ["UploadTensor"] = async (t, s) =>
        {
            using var call = t.Tensors.UploadTensor();
            await call.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = s, DataType = V1.DataType.Bool, Shape = { 1 } } });
            await call;
        },
        ["DownloadTensor"] = async (t, s) =>
        {
            using var call = t.Tensors.DownloadTensor(new V1.DownloadTensorRequest { Session = s, Variable = 1 });
            await call.ResponseStream.MoveNext();
        },
    };

    /// <summary>Another tenant's session and one that never was are refused in the same words.</summary>
    [Theory]
    [MemberData(nameof(Rpcs))]
    public async Task A_foreign_session_is_not_found_on_every_rpc(string rpc)
    {
        await using var server = await TestServer.StartAsync();
        TestTenant a = new(server, "a"), b = new(server, "b");
        var session = await a.OpenAsync();
        var guessed = session[..^4] + (session.EndsWith("0000", StringComparison.Ordinal) ? "1111" : "0000");
        var foreign = await RefusedAsync(StatusCode.NotFound, "SESSION_NOT_FOUND", () => Calls[rpc](b, session));
        var unknown = await RefusedAsync(StatusCode.NotFound, "SESSION_NOT_FOUND", () => Calls[rpc](b, guessed));
        Assert.Equal(unknown.Message, foreign.Message);
        await a.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session });
    }

    /// <summary>A hit would tell that someone uses the same graph.</summary>
    [Fact]
    public async Task A_tenant_learns_nothing_from_the_plans_of_another()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions());
        TestTenant a = new(server, "a"), b = new(server, "b");
        Assert.False(await HitAsync(a));
        Assert.True(await HitAsync(a));
        var compiled = server.Host.Plans.Compilations;
        Assert.False(await HitAsync(b));
        Assert.Equal(compiled + 1, server.Host.Plans.Compilations);
    }

    private static async Task<bool> HitAsync(TestTenant tenant)
    {
        var reply = await tenant.Evaluation.EvaluateAsync(new V1.EvaluateRequest
        {
            Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { Input(1, 2), Node(2, "Exp", 1) } } },
            Feeds = { Feed(1, Tensor([1, 2], 2)) },
            Fetches = { Fetch(2) },
            Profile = true,
        });
        return reply.Profile.PlanCacheHit;
    }
}
