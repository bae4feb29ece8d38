using Gradients.Client;
using Grpc.Health.V1;

namespace Gradients.Container.Tests;

/// <summary>The container over TCP.</summary>
public sealed class ServingTests(ServerImage image)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_client_gets_a_gradient_over_TCP()
    {
        await using var server = await ServerContainer.StartAsync(image, new(), Cancellation);
        await using var client = server.OpenClient();
        await using var session = await client.CreateSessionAsync(cancellationToken: Cancellation);
        var x = session.Input<double>("x", 3);
        var w = session.Variable("w", 2.0);
        var b = session.Variable("b", 1.0);
        var y = session.Input<double>("y", 3);
        var loss = ((w * x) + b - y).Pow(2).Mean();
        var result = await session.BackwardAsync(loss, [w, b], new Feeds { [x] = new double[] { 1, 2, 3 }, [y] = new double[] { 6, 9, 12 } }, cancellationToken: Cancellation);
        Assert.Equal(-52.0 / 3, result[w].ToDouble(), 1e-12);
        Assert.Equal(-8, result[b].ToDouble(), 1e-12);
    }

    [Fact]
    public async Task The_documented_command_prints_a_gradient_and_its_trace_inside_the_container()
    {
        await using var server = await ServerContainer.StartAsync(image, new(), Cancellation);
        var result = await server.Container.ExecAsync(["/app/gradients", "try"], Cancellation);
        Assert.Equal((0L, ""), (result.ExitCode, result.Stderr));
        Assert.Matches("^f\\(x\\) = x³ − 2x at x = 3: f = 21, f′ = 25\ntrace [0-9a-f]{32}\n$", result.Stdout);
    }

    [Fact]
    public async Task On_SIGTERM_health_turns_not_serving_and_a_gradient_in_flight_finishes()
    {
        // f(x) = sum((x xᵀ)^k) has ∂f/∂xᵢ = 2 k √n where all xᵢ = 1/√n: 1ᵀx = √n and xᵀx = 1.
        const int n = 1024;
        const int k = 24;
        await using var server = await ServerContainer.StartAsync(image, new() { Environment = new Dictionary<string, string> { ["GRADIENTS__DRAINTIMEOUT"] = "00:02:00" } }, Cancellation);
        using var channel = server.OpenChannel();
        await using var client = new GradientsClient(channel);
        await client.GetServerInfoAsync(Cancellation);

        var graph = new Graph();
        var x = graph.Variable("x", Enumerable.Repeat(1.0 / 32, n).ToArray(), n, 1);
        var projector = x.MatMul(x.Transpose());
        var power = projector;
        for (var i = 1; i < k; i++)
            power = power.MatMul(projector);
        var gradient = client.EvaluateAsync(graph, roots: [new Root(power.Sum())], wrt: [x], cancellationToken: Cancellation);
        // On the same connection behind it: when this is answered, the gradient has arrived.
        await client.GetServerInfoAsync(Cancellation);
        await server.TerminateAsync(Cancellation);

        while (await ServerContainer.HealthAsync(channel, Cancellation) == HealthCheckResponse.Types.ServingStatus.Serving)
        {
        }

        Assert.False(gradient.IsCompleted);
        var result = (await gradient)[x]!.ToArray<double>();
        Assert.Equal(n, result.Length);
        Assert.All(result, g => Assert.Equal(64.0 * k, g, 1e-6));
        Assert.Equal(0, await server.Container.GetExitCodeAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(60), Cancellation));
    }
}
