using Google.Rpc;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Testing;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Limits;

public sealed class WireBudgetTests
{
    [Fact]
    public async Task A_request_that_finds_no_room_is_refused_before_it_is_parsed_and_may_come_again()
    {
        await using var server = await TestServer.StartAsync(Options());
        var wire = server.App.Services.GetRequiredService<ServerQuotas>().Wire;
        var session = await server.OpenAsync();
        wire.Take(wire.Most - 1000);
        var status = await RefusedAsync(StatusCode.ResourceExhausted, "MEMORY_BUDGET_EXCEEDED", async () => await server.Sessions.DefineNodesAsync(Define(session)));
        Assert.Equal("wire_budget_bytes", status.GetDetail<ErrorInfo>().Metadata["limit"]);
        Assert.Equal("server", Assert.Single(status.GetDetail<QuotaFailure>().Violations).Subject);
        Assert.NotNull(status.GetDetail<RetryInfo>());
        wire.Give(wire.Most - 1000);
        await server.Sessions.DefineNodesAsync(Define(session));
        Assert.Equal(0, wire.Used);
    }

    /// <summary>The reply's room is taken before anything is executed: a refusal has no effect.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reply_that_finds_no_room_is_refused_with_nothing_done(bool stream)
    {
        await using var server = await TestServer.StartAsync(Options());
        var wire = server.App.Services.GetRequiredService<ServerQuotas>().Wire;
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Variable(1, 4000), Node(2, "Mul", 1, 1), Node(3, "ReduceSum", 2).With("keepdims", 0) } });
        await server.Sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = session, Updates = { new V1.VariableUpdate { Variable = 1, Tensor = Tensor(new double[4000], 4000) } } });
        var backward = new V1.BackwardRequest { Session = session, Roots = { Root(3) }, Mode = V1.GradientMode.Both };
        wire.Take(wire.Most - 30_000);
        if (stream)
            Assert.Equal("MEMORY_BUDGET_EXCEEDED", (await InteractAsync(server, session, backward)).Error.GetDetail<ErrorInfo>().Reason);
        else
            await RefusedAsync(StatusCode.ResourceExhausted, "MEMORY_BUDGET_EXCEEDED", async () => await server.Sessions.BackwardAsync(backward));
        Assert.Equal("absent", await GradientTextAsync(server, session));
        wire.Give(wire.Most - 30_000);
        Assert.Equal(4000, Elements((await server.Sessions.BackwardAsync(backward)).Gradients[0].Tensor).Length);
        Assert.Equal(4000, Elements((await InteractAsync(server, session, backward)).Backward.Gradients[0].Tensor).Length);
        await Eventually.HoldsAsync(() => wire.Used == 0);
    }

    [Fact]
    public async Task Messages_of_a_stream_and_chunks_give_their_room_back_while_it_lasts()
    {
        await using var server = await TestServer.StartAsync(Options());
        var wire = server.App.Services.GetRequiredService<ServerQuotas>().Wire;
        var session = await server.OpenAsync();
        using var call = server.Sessions.Interact();
        for (ulong i = 1; i <= 40; i++)
        {
            await call.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Tag = i, DefineNodes = new V1.DefineNodesRequest { Nodes = { new V1.Node { Id = i, Op = "Input", Label = new string('x', 30_000), Attributes = { Input(1, 2).Attributes[0] } } } } } } });
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Null(call.ResponseStream.Current.Results[0].Error);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
        await TensorTests.SendAsync(server, new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 40 * 30_000 } }, [.. Enumerable.Range(0, 40).Select(i => TensorTests.Chunk((ulong)i * 30_000, 30_000))]);
        await Eventually.HoldsAsync(() => wire.Used == 0);
    }

    private static GradientsServerOptions Options() =>
        new() { MaxMessageBytes = 1 << 16, MaxChunkBytes = 1 << 15, PreferredChunkBytes = 1 << 14, MaxMessageExpansionBytes = 1 << 17, WireBudgetBytes = 1 << 18 };

    private static async Task<V1.CommandResult> InteractAsync(TestServer server, string session, V1.BackwardRequest backward)
    {
        using var call = server.Sessions.Interact();
        var command = backward.Clone();
        command.Session = "";
        await call.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Tag = 1, Backward = command } } });
        Assert.True(await call.ResponseStream.MoveNext());
        var result = call.ResponseStream.Current.Results[0];
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
        return result;
    }
}
