using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>
/// The loss Σ(k·w³) with k = (3, 5): its gradient 3·k·w² is (9, 60) at w = (1, 2), what the forward saw, and others at what w
/// is changed to before the backward.
/// </summary>
public sealed class RunVersionTests
{
    private const ulong W = 1;
    private const ulong K = 2;
    private const ulong Loss = 6;
    private const ulong Twice = 7;

    private static readonly float[] _expected = [9, 60];

    public enum Change
    {
        Set,
        Apply,
        ApplyAdam,
        SetFromGraph,
        SetAndReleaseNodes,
    }

    public enum Path
    {
        /// <summary>The run's residuals.</summary>
        Residuals,

        /// <summary>Another root than the declared one: recomputed from the run's inputs.</summary>
        OtherRoot,

        /// <summary>Values are fetched too: recomputed from the run's inputs.</summary>
        Fetches,
    }

    public static TheoryData<Change, Path, bool> Cases()
    {
        var cases = new TheoryData<Change, Path, bool>();
        foreach (var change in Enum.GetValues<Change>())
        {
            foreach (var path in Enum.GetValues<Path>())
            {
                // Released nodes cannot be named: only the declared root is left.
                if (change == Change.SetAndReleaseNodes && path != Path.Residuals)
                    continue;
                cases.Add(change, path, false);
                cases.Add(change, path, true);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_backward_sees_the_parameters_that_its_forward_saw(Change change, Path path, bool retain)
    {
        await using var server = await ProofServer.StartAsync();
        var session = await server.OpenAsync(
            Variable(W, 2), Input(K, 2), Node(3, "Mul", W, W), Node(4, "Mul", 3, W), Node(5, "Mul", 4, K), Sum(Loss, 5), Node(Twice, "Add", Loss, Loss), Node(8, "Neg", W));
        await server.SetAsync(session, (W, Vector(1, 2)));
        var feed = Feed(K, Vector(3, 5));
        if (change is Change.Apply or Change.ApplyAdam)
            await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = session, Feeds = { feed }, Roots = { Root(Loss) }, Mode = V1.GradientMode.Accumulate });
        var run = (await server.Sessions.ForwardAsync(new V1.ForwardRequest { Session = session, Feeds = { feed }, Gradients = true, Roots = { Loss }, Wrt = { W } })).Run;

        for (var i = 0; i < (retain ? 3 : 1); i++)
        {
            await ChangeAsync(server, session, change);
            var last = i == (retain ? 2 : 0);
            var request = new V1.BackwardRequest { Session = session, Run = run, Roots = { Root(path == Path.OtherRoot ? Twice : Loss) }, Wrt = { W }, Retain = !last };
            if (path == Path.Fetches)
                request.Fetches.Add(Fetch(W));
            var reply = await server.Sessions.BackwardAsync(request);
            Assert.Equal(path == Path.OtherRoot ? [18, 120] : _expected, Floats(reply.Gradients[0].Tensor));
            if (path == Path.Fetches)
                Assert.Equal([1f, 2f], Floats(reply.Values[0].Tensor));
        }

        var now = Floats((await server.VariableAsync(session, W)).Value);
        Assert.NotEqual([1f, 2f], now);
        if (change != Change.SetAndReleaseNodes)
        {
            var fresh = await server.Sessions.BackwardAsync(new V1.BackwardRequest { Session = session, Feeds = { feed }, Roots = { Root(Loss) }, Wrt = { W } });
            Assert.NotEqual(_expected, Floats(fresh.Gradients[0].Tensor));
        }

        await server.DeleteAsync(session);
        await server.EmptyAsync();
    }

    private static async Task ChangeAsync(ProofServer server, string session, Change change)
    {
        switch (change)
        {
            case Change.Set:
                await server.SetAsync(session, (W, Vector(10, 20)));
                break;
            case Change.Apply:
                await server.Sessions.ApplyGradientsAsync(new V1.ApplyGradientsRequest { Session = session, Optimizer = new V1.Optimizer { Sgd = new V1.Sgd { LearningRate = 0.5 } } });
                break;
            case Change.ApplyAdam:
                await server.Sessions.ApplyGradientsAsync(new V1.ApplyGradientsRequest { Session = session, Optimizer = new V1.Optimizer { Adam = new V1.Adam { LearningRate = 0.5 } } });
                break;
            case Change.SetFromGraph:
                await server.Sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = session, Updates = { new V1.VariableUpdate { Variable = W, Value = 4 } } });
                await server.Sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = session, Updates = { new V1.VariableUpdate { Variable = W, Value = 8 } } });
                break;
            default:
                await server.SetAsync(session, (W, Vector(10, 20)));
                await server.Sessions.ReleaseResourcesAsync(new V1.ReleaseResourcesRequest { Session = session, Nodes = { K, 3UL, 4UL, 5UL, Twice } });
                break;
        }
    }
}
