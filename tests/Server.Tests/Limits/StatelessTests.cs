using Gradients.Server.Hosting;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Limits;

public sealed class StatelessTests
{
    [Fact]
    public async Task A_stateless_server_evaluates_and_keeps_no_sessions()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Stateless = true });
        foreach (var method in new[] { V1.SessionService.Descriptor, V1.TensorService.Descriptor }.SelectMany(s => s.Methods))
        {
            var status = await RefusedAsync(StatusCode.Unimplemented, "RPC_UNIMPLEMENTED", () => method.IsClientStreaming || method.IsServerStreaming
                ? RawCalls.DuplexAsync(server, method.Service.FullName, method.Name, [])
                : RawCalls.UnaryAsync(server, method.Service.FullName, method.Name, []));
            Assert.Contains("stateless", status.Message, StringComparison.Ordinal);
        }

        var reply = await server.Evaluation.EvaluateAsync(new V1.EvaluateRequest
        {
            Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { Input(1, 2), Node(2, "Neg", 1) } } },
            Feeds = { Feed(1, Tensor([1, 2], 2)) },
            Fetches = { Fetch(2) },
        });
        Assert.Equal([-1, -2], Elements(reply.Values[0].Tensor));
        var features = (await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest())).Features;
        Assert.DoesNotContain("sessions", features);
        Assert.DoesNotContain("tensor_handles", features);
    }

    [Fact]
    public async Task A_server_that_keeps_sessions_lists_them_as_a_feature()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Contains("sessions", (await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest())).Features);
    }
}
