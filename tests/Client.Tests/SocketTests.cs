using Gradients.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Gradients.Client.Tests;

/// <summary>A server's Unix domain socket as the client's address.</summary>
public sealed class SocketTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gradients-unix-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("unix:")]
    [InlineData("unix://")]
    public async Task It_is_used_like_a_port(string scheme)
    {
        var path = Path.Combine(_folder, "g.sock");
        await using var app = GradientsServer.Build(new GradientsServerOptions { SocketPath = path, ComputeThreads = 1 }, configure: b => b.Logging.ClearProviders());
        await app.StartAsync(Cancellation);
        await using (var client = new GradientsClient(scheme + path, new GradientsClientOptions { ApiKey = "without TLS, as it does not leave the machine".Replace(' ', '-') }))
        {
            await using var session = await client.CreateSessionAsync(cancellationToken: Cancellation);
            var x = session.Variable("x", 3.0);
            Assert.Equal(6, (await session.BackwardAsync(x * x, cancellationToken: Cancellation))[x].ToDouble());
        }

        await app.StopAsync(Cancellation);
    }

    [Fact]
    public void An_address_without_a_path_is_refused() => Assert.Throws<ArgumentException>(() => new GradientsClient("unix:"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
