using System.Diagnostics;
using Grpc.Health.V1;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

[Collection(nameof(Alone))]
public sealed class FairnessTests
{
    [Fact]
    public async Task A_long_request_holds_up_neither_a_short_one_of_another_session_nor_health_on_one_compute_thread()
    {
        await using var server = await ProofServer.StartAsync(threads: 1);
        var (slow, root) = await LongWork.OpenAsync(server, 200);
        var quick = await server.OpenAsync(Variable(1), Node(2, "Mul", 1, 1));
        await server.SetAsync(quick, (1, Scalar(3)));
        var health = new Health.HealthClient(server.Connect().Channel);

        var began = Stopwatch.GetTimestamp();
        var running = server.Sessions.ForwardAsync(LongWork.Forward(slow, root)).ResponseAsync;
        await server.ComputesAsync();
        for (var i = 0; i < 5; i++)
        {
            var reply = await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = quick, Roots = { Root(2) } });
            Assert.Equal([6f], Floats(reply.Gradients[0].Tensor));
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await health.CheckAsync(new HealthCheckRequest())).Status);
            Assert.False(running.IsCompleted, "The long request ended before the short ones, after " + Stopwatch.GetElapsedTime(began));
        }

        var finished = await running;
        Assert.Equal([512f * 512f], Floats(finished.Values[0].Tensor));
        await server.DeleteAsync(slow);
        await server.DeleteAsync(quick);
        await server.EmptyAsync();
    }
}
