using System.Diagnostics;

namespace Gradients.Client.Tests;

public sealed class ReconnectionTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task ABackwardWhoseReplyIsLostAccumulatesOnce()
    {
        await using var proxy = new CuttableProxy(server.Address);
        await using var client = new GradientsClient(proxy.Address);
        await using var session = await client.CreateSessionAsync();
        var w = session.Variable("w", new float[] { 1, 2 });
        var loss = (w * w).Sum();
        await session.FlushAsync();

        proxy.SwallowReplies();
        var backward = session.BackwardAsync(loss, mode: GradientMode.Both);
        await Executed(session, w);
        proxy.Cut();
        var result = await backward;

        Assert.True(result.IsReplayed);
        Assert.Equal("CONNECTION_LOST", Assert.Throws<GradientsClientException>(() => result[w]).Reason);
        Assert.Equal(new float[] { 2, 4 }, (await session.GetGradientAsync(w))!.ToArray<float>());
    }

    [Fact]
    public async Task AReadThatWasCutIsAskedAgain()
    {
        await using var proxy = new CuttableProxy(server.Address);
        await using var client = new GradientsClient(proxy.Address);
        await using var session = await client.CreateSessionAsync();
        var w = session.Variable("w", new float[] { 1, 2 });
        await session.FlushAsync();

        proxy.SwallowReplies();
        var value = (w * 3).ValueAsync();
        proxy.Cut();

        Assert.Equal(new float[] { 3, 6 }, (await value).ToArray<float>());
    }

    [Fact]
    public async Task AReadThatLaterChangesWouldFalsifyFailsInstead()
    {
        await using var proxy = new CuttableProxy(server.Address);
        await using var client = new GradientsClient(proxy.Address);
        await using var session = await client.CreateSessionAsync();
        var w = session.Variable("w", new float[] { 1, 2 });
        var loss = (w * w).Sum();
        await session.FlushAsync();

        proxy.SwallowReplies();
        var value = loss.ValueAsync();
        var change = session.BackwardAsync(loss, mode: GradientMode.Accumulate);
        await Executed(session, w);
        proxy.Cut();

        Assert.Equal("CONNECTION_LOST", (await Assert.ThrowsAsync<GradientsClientException>(() => value)).Reason);
        await change;
        Assert.Equal(new float[] { 2, 4 }, (await session.GetGradientAsync(w))!.ToArray<float>());
    }

    [Fact]
    public async Task AServerThatStaysAwayFailsRequestsInTheEnd()
    {
        var proxy = new CuttableProxy(server.Address);
        await using var client = new GradientsClient(proxy.Address);
        await using var session = await client.CreateSessionAsync(new SessionOptions { ReconnectTimeout = TimeSpan.FromMilliseconds(200) });
        var w = session.Variable("w", 1f);
        await session.FlushAsync();
        await proxy.DisposeAsync();
        var error = await Assert.ThrowsAsync<GradientsClientException>(() => session.GetAsync(w));
        Assert.Equal(Grpc.Core.StatusCode.Unavailable, error.Code);
    }

    [Fact]
    public async Task EachRequestBelongsToTheTraceOfItsCaller()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var loss = session.Variable("w", 2f) * 3;
        using var activity = new Activity("step").SetIdFormat(ActivityIdFormat.W3C).Start();
        var result = await session.BackwardAsync(loss);
        Assert.Equal(activity.TraceId.ToHexString(), result.TraceId);
    }

    [Fact]
    public async Task ATimeoutOfTheRequestReachesTheServer()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var w = session.Variable("w", 1.0);
        await session.FlushAsync();
        var (size, matrix) = (1024, w.Expand(1024, 1024));
        for (var i = 0; i < 8; i++)
            matrix = matrix.MatMul(matrix) / size;

        var error = await Assert.ThrowsAsync<GradientsClientException>(() => session.BackwardAsync(matrix.Mean(), mode: GradientMode.Accumulate, options: new RequestOptions { Timeout = TimeSpan.FromMilliseconds(1) }));

        Assert.Equal("DEADLINE_EXCEEDED", error.Reason);
        Assert.Null(await session.GetGradientAsync(w));
    }

    /// <summary>Asks the server itself, past the proxy, until the gradient is there.</summary>
    private async Task Executed(Session session, Variable variable)
    {
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress(server.Address);
        var sessions = new V1.SessionService.SessionServiceClient(channel);
        var request = new V1.GetVariablesRequest { Session = session.Name, Variables = { variable.Id }, Contents = { V1.VariableContent.Gradient } };
        while ((await sessions.GetVariablesAsync(request, deadline: DateTime.UtcNow.AddSeconds(30))).Variables[0].Gradient is null)
            await Task.Yield();
    }
}
