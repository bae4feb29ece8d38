using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1Alpha;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

public sealed class ServerInfoTests
{
    [Fact]
    public async Task Tells_version_limits_and_types()
    {
        await using var server = await TestServer.StartAsync();
        var info = await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest());
        Assert.Matches(@"^\d+\.\d+\.\d+$", info.Version);
        Assert.Contains(info.IsaLevel, new[] { "avx512", "avx2", "vector128", "scalar" });
        Assert.Contains($"sessions/{info.Incarnation}-", await server.OpenAsync());
        Assert.Equal((4UL << 20, 8U, 256U, 1UL << 30), (info.Limits.MaxMessageBytes, info.Limits.MaxRank, info.Limits.RequestIdWindow, info.Limits.MemoryBudgetBytes));
        Assert.Equal([V1.DataType.Float32, V1.DataType.Float64, V1.DataType.Int64, V1.DataType.Bool], info.DataTypes);
        Assert.Contains("evaluate_stream", info.Features);
        Assert.Contains("graphs", info.Features);
    }

    [Fact]
    public async Task Lists_ops_by_pages_and_by_name()
    {
        await using var server = await TestServer.StartAsync();
        var all = (await server.Info.ListOpsAsync(new V1.ListOpsRequest())).Ops;
        Assert.Equal(all.OrderBy(o => o.Domain, StringComparer.Ordinal).ThenBy(o => o.Name, StringComparer.Ordinal), all);
        var paged = new List<V1.OpSchema>();
        var request = new V1.ListOpsRequest { PageSize = 7 };
        do
        {
            var page = await server.Info.ListOpsAsync(request);
            paged.AddRange(page.Ops);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        Assert.Equal(all, paged);
        var named = (await server.Info.ListOpsAsync(new V1.ListOpsRequest { Names = { "MatMul", "NoSuchOp" } })).Ops;
        var matMul = Assert.Single(named);
        Assert.Equal(("MatMul", "", true, 2), (matMul.Name, matMul.Domain, matMul.Differentiable, matMul.Inputs.Count));
        await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Info.ListOpsAsync(new V1.ListOpsRequest { PageToken = "ffffffffffffffff" }));
    }

    [Fact]
    public async Task Health_is_served()
    {
        await using var server = await TestServer.StartAsync();
        var health = await new Health.HealthClient(server.Channel).CheckAsync(new HealthCheckRequest());
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
    }

    [Fact]
    public async Task Reflection_lists_every_service_of_the_contract()
    {
        await using var server = await TestServer.StartAsync();
        using var call = new ServerReflection.ServerReflectionClient(server.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        Assert.True(await call.ResponseStream.MoveNext(default));
        var served = call.ResponseStream.Current.ListServicesResponse.Service.Select(s => s.Name).ToHashSet();
        await call.RequestStream.CompleteAsync();
        Assert.All(Contract.Services(), s => Assert.Contains(s.FullName, served));
    }
}

internal static class Contract
{
    public static IEnumerable<ServiceDescriptor> Services() => new[]
    {
        V1.SessionServiceReflection.Descriptor, V1.TensorServiceReflection.Descriptor, V1.EvaluationServiceReflection.Descriptor,
        V1.GraphServiceReflection.Descriptor, V1.ServerServiceReflection.Descriptor,
    }.SelectMany(f => f.Services);
}
