using System.Collections.Concurrent;
using Gradients.Client;
using Gradients.Engine.Tensors;
using Grpc.Core;

namespace Gradients.Container.Tests;

/// <summary>The memory limit of docs/deployment.md holds whatever is asked.</summary>
public sealed class MemoryTests(ServerImage image)
{
    private const long Engine = 128 << 20;
    private const long Wire = 64 << 20;
    private const long Process = 192 << 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_flood_beyond_the_budgets_is_refused_and_never_kills_the_server()
    {
        var settings = new ServerContainer.Settings(MemoryBytes: Engine + Wire + Process)
        {
            Environment = new Dictionary<string, string>
            {
                ["GRADIENTS__MEMORYBUDGETBYTES"] = $"{Engine}",
                ["GRADIENTS__WIREBUDGETBYTES"] = $"{Wire}",
            },
        };
        await using var server = await ServerContainer.StartAsync(image, settings, Cancellation);
        var outcomes = new ConcurrentBag<(StatusCode Code, string Text)>();

        await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            await using var client = server.OpenClient();
            for (var round = 0; round < 6; round++)
            {
                await Task.WhenAll(
                    CountAsync(outcomes, () => OuterProductAsync(client, 8192)),
                    CountAsync(outcomes, () => OuterProductAsync(client, 2048)),
                    CountAsync(outcomes, () => OuterProductAsync(client, 64)),
                    CountAsync(outcomes, () => LargeMessageAsync(client)),
                    CountAsync(outcomes, () => LargeMessageAsync(client)),
                    CountAsync(outcomes, () => UploadAsync(server)));
            }
        }));

        Assert.Equal(6 * 6 * 6, outcomes.Count);
        Assert.All(outcomes, o => Assert.True(o.Code is StatusCode.OK or StatusCode.ResourceExhausted, o.Text));
        Assert.Contains(outcomes, o => o.Code == StatusCode.OK);
        Assert.Contains(outcomes, o => o.Code == StatusCode.ResourceExhausted);
        var state = (await server.InspectAsync(Cancellation)).State;
        Assert.NotNull(state);
        Assert.True(state.Running);
        Assert.False(state.OOMKilled);
        await using var after = server.OpenClient();
        await OuterProductAsync(after, 64);
    }

    /// <summary>n² float64 values and their gradients inside the engine: 512 MiB each for 8,192, 32 MiB for 2,048.</summary>
    private static async Task OuterProductAsync(GradientsClient client, int n)
    {
        var graph = new Graph();
        var x = graph.Variable("x", new double[n], n, 1);
        var f = x.MatMul(x.Transpose()).Exp().Sum();
        await client.EvaluateAsync(graph, roots: [new Root(f)], wrt: [x], cancellationToken: Cancellation);
    }

    /// <summary>3.8 MiB in and as much out: nearly what a message may hold.</summary>
    private static async Task LargeMessageAsync(GradientsClient client)
    {
        var graph = new Graph();
        var x = graph.Variable("x", new double[500_000]);
        await client.EvaluateAsync(graph, roots: [new Root((x * x).Sum())], wrt: [x], cancellationToken: Cancellation);
    }

    /// <summary>48 MiB in chunks into a session. By a connection of its own: chunks that cross a refusal on their way can end it.</summary>
    private static async Task UploadAsync(ServerContainer server)
    {
        await using var client = server.OpenClient();
        await using var session = await client.CreateSessionAsync(cancellationToken: Cancellation);
        var x = session.Variable("x", new double[6 << 20]);
        await session.BackwardAsync(x.Sum(), mode: GradientMode.Accumulate, cancellationToken: Cancellation);
    }

    private static async Task CountAsync(ConcurrentBag<(StatusCode Code, string Text)> outcomes, Func<Task> request)
    {
        try
        {
            await request();
            outcomes.Add((StatusCode.OK, ""));
        }
        catch (GradientsClientException e)
        {
            outcomes.Add((e.Code, e.ToString()));
        }
    }
}
