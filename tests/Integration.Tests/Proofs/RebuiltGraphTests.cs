using Grpc.Core;
using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>A graph that is defined, differentiated and released again and again, under new ids each time.</summary>
[Collection(nameof(Alone))]
public sealed class RebuiltGraphTests
{
    private const int Steps = 100_000;
    private const int StepsPerMessage = 100;
    private const int MessagesInFlight = 3;
    private const long Slack = 2 << 20;

    [Fact]
    public async Task Memory_stays_flat_and_nothing_is_compiled_anew_over_100_000_rebuilds()
    {
        await using var server = await ProofServer.StartAsync();
        var session = await server.OpenAsync(Variable(1, 4));
        await server.SetAsync(session, (1, Vector(1, 2, 3, 4)));
        using (var call = server.Sessions.Interact())
        {
            var next = 2UL;
            next = await RebuildAsync(call, session, next, Steps / 10);
            var before = await MeasureAsync(server, session);
            await RebuildAsync(call, session, next, Steps);
            var after = await MeasureAsync(server, session);
            Assert.Equal((before.Nodes, before.Rented, before.Compilations), (after.Nodes, after.Rented, after.Compilations));
            Assert.Equal((1UL, 1), (after.Nodes, after.Rented));
            Assert.True(after.Held <= before.Held + (64 << 10), $"The pool grew from {before.Held} to {after.Held} bytes.");
            Assert.True(after.Managed <= before.Managed + Slack, $"The managed heap grew from {before.Managed} to {after.Managed} bytes.");
            await call.RequestStream.CompleteAsync();
            Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
        }

        await server.DeleteAsync(session);
        await server.EmptyAsync();
    }

    /// <summary>Σ(k·w²) for an input k that differs from step to step; ∂/∂w = 2·k·w, checked in every step.</summary>
    private static async Task<ulong> RebuildAsync(AsyncDuplexStreamingCall<V1.InteractRequest, V1.InteractResponse> call, string session, ulong next, int steps)
    {
        var messages = steps / StepsPerMessage;
        var (sent, answered, results) = (0, 0, 0);
        while (answered < steps)
        {
            while (sent < messages && sent - (answered / StepsPerMessage) < MessagesInFlight)
            {
                var message = new V1.InteractRequest { Session = session };
                for (var i = 0; i < StepsPerMessage; i++, next += 4)
                    AddStep(message, next, (sent * StepsPerMessage) + i);
                await call.RequestStream.WriteAsync(message);
                sent++;
            }

            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
            foreach (var result in call.ResponseStream.Current.Results)
            {
                Assert.True(result.Error is null, $"{result.Error}");
                results++;
                if (result.Backward is not { } backward)
                    continue;
                var k = result.Tag;
                Assert.Equal([2 * k, 4 * k, 6 * k, 8 * k], Floats(backward.Gradients[0].Tensor));
            }

            answered = results / 3;
        }

        return next;
    }

    private static void AddStep(V1.InteractRequest message, ulong next, int step)
    {
        var k = (ulong)(step % 1000);
        message.Commands.Add(new V1.SessionCommand
        {
            DefineNodes = new V1.DefineNodesRequest { Nodes = { Input(next), Node(next + 1, "Mul", 1, 1), Node(next + 2, "Mul", next + 1, next), Sum(next + 3, next + 2) } },
        });
        message.Commands.Add(new V1.SessionCommand
        {
            Tag = k,
            Backward = new V1.BackwardRequest { Feeds = { Feed(next, Scalar(k)) }, Roots = { Root(next + 3) }, Wrt = { 1UL } },
        });
        message.Commands.Add(new V1.SessionCommand
        {
            ReleaseResources = new V1.ReleaseResourcesRequest { Nodes = { next, next + 1, next + 2, next + 3 } },
        });
    }

    private static async Task<(ulong Nodes, int Rented, long Compilations, long Held, long Managed)> MeasureAsync(ProofServer server, string session)
    {
        var nodes = (await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session.NodeCount;
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return (nodes, server.Host.Pool.RentedCount, server.Host.Plans.Compilations, server.Host.Pool.HeldBytes, GC.GetTotalMemory(true));
    }
}
