using Google.Rpc;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>What the contract has and this server does not, is refused by name.</summary>
public sealed class FeatureTests
{
    [Fact]
    public async Task Rpcs_that_are_not_served_say_so()
    {
        await using var server = await TestServer.StartAsync();
        foreach (var call in new Func<Task>[]
        {
            async () => await server.Evaluation.CheckGradientsAsync(new V1.CheckGradientsRequest()),
            async () => await server.Evaluation.AnalyzeGraphAsync(new V1.AnalyzeGraphRequest()),
            () => RawCalls.UnaryAsync(server, "gradients.v1.EvaluationService", "NoSuchMethod", []),
            () => RawCalls.UnaryAsync(server, "gradients.v1.NoSuchService", "NoSuchMethod", []),
        })
        {
            await RefusedAsync(StatusCode.Unimplemented, "RPC_UNIMPLEMENTED", call);
        }
    }

    [Fact]
    public async Task Fields_that_are_not_supported_are_named()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineAsync(server, session);
        foreach (var product in new[] { V1.ProductKind.Jvp, V1.ProductKind.Hvp, V1.ProductKind.Jacobian, V1.ProductKind.Hessian })
            await UnsupportedAsync("product", async () => await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = session, Roots = { Root(4) }, Product = product }));
        await UnsupportedAsync("batched_cotangents", async () => await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = session, Roots = { Root(4) }, BatchedCotangents = true }));
        var node = Node(50, "Neg", 1);
        node.Attributes.Add(new V1.Attribute { Name = "body", Function = "f" });
        await UnsupportedAsync("nodes[0].attributes[0].function", async () => await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { node } }));
    }

    private static async Task UnsupportedAsync(string field, Func<Task> call)
    {
        var status = await RefusedAsync(StatusCode.Unimplemented, "FEATURE_UNSUPPORTED", call);
        Assert.Equal(field, status.GetDetail<ErrorInfo>().Metadata["field"]);
    }
}
