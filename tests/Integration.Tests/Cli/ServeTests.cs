using System.Globalization;
using Gradients.Client;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace Gradients.Integration.Tests.Cli;

/// <summary><c>gradients serve</c> as a process of its own.</summary>
public sealed class ServeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gradients-serve-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_answers_on_the_port_of_its_file_and_drains_on_SIGTERM()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        var portFile = Path.Combine(_folder, "port");
        await File.WriteAllTextAsync(portFile, "an older server's", Cancellation);
        await using var serve = CliProcess.Start("serve", "--port", "0", "--port-file", portFile, "--memory", "64MB", "--threads", "1");

        var line = await serve.Output.ReadLineAsync(Cancellation);
        Assert.NotNull(line);
        var port = int.Parse(await File.ReadAllTextAsync(portFile, Cancellation), CultureInfo.InvariantCulture);
        Assert.Equal($"Gradients listens on http://127.0.0.1:{port}", line);
        Assert.Equal([portFile], Directory.GetFiles(_folder));

        using (var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}"))
        {
            var health = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation);
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
            await using var client = new GradientsClient(channel);
            await using var session = await client.CreateSessionAsync(cancellationToken: Cancellation);
            var x = session.Variable("x", 3.0);
            Assert.Equal(6, (await session.BackwardAsync(x * x, cancellationToken: Cancellation))[x].ToDouble());
        }

        await serve.TerminateAsync();
        Assert.Equal("", await serve.Output.ReadToEndAsync(Cancellation));
        Assert.Equal("", await serve.Error.ReadToEndAsync(Cancellation));
        Assert.Equal(0, await serve.ExitCodeAsync(Cancellation));
    }

    [Fact]
    public async Task It_answers_JSON_on_its_web_port_and_serves_the_contract_that_describe_writes()
    {
        await using var serve = CliProcess.Start("serve", "--port", "0", "--web-port", "0", "--threads", "1");
        await serve.Output.ReadLineAsync(Cancellation);
        var line = await serve.Output.ReadLineAsync(Cancellation);
        Assert.StartsWith("gRPC-Web and JSON are on http://127.0.0.1:", line, StringComparison.Ordinal);
        using var http = new HttpClient { BaseAddress = new Uri(line!.Split(' ')[^1]) };
        Assert.Contains("\"unary_uploads\"", await http.GetStringAsync("/v1/serverInfo", Cancellation), StringComparison.Ordinal);
        var file = Path.Combine(_folder, "gradients.binpb");
        await using var describe = CliProcess.Start("describe", "--output", file);
        Assert.Equal(0, await describe.ExitCodeAsync(Cancellation));
        Assert.Equal(await http.GetByteArrayAsync("/v1/descriptor", Cancellation), await File.ReadAllBytesAsync(file, Cancellation));
        await serve.TerminateAsync();
        Assert.Equal(0, await serve.ExitCodeAsync(Cancellation));
        Assert.Equal("", await serve.Error.ReadToEndAsync(Cancellation));
    }

    [Fact]
    public async Task A_port_in_use_fails_with_1_and_one_line()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        await using var serve = CliProcess.Start("serve", "--port", port.ToString(CultureInfo.InvariantCulture));
        var error = await serve.Error.ReadToEndAsync(Cancellation);
        Assert.Equal(1, await serve.ExitCodeAsync(Cancellation));
        Assert.StartsWith("gradients serve: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve", "--port", "65536")]
    [InlineData("serve", "--web-port", "-1")]
    [InlineData("serve", "--host", "nowhere")]
    [InlineData("serve", "--memory", "much")]
    [InlineData("serve", "--memory", "1KB")]
    [InlineData("demo", "--epochs", "0")]
    [InlineData("demo", "--unknown")]
    [InlineData("unknown")]
    public async Task A_wrong_command_line_exits_with_2_and_says_why(params string[] arguments)
    {
        await using var cli = CliProcess.Start(arguments);
        var error = cli.Error.ReadToEndAsync(Cancellation);
        await cli.Output.ReadToEndAsync(Cancellation);
        Assert.NotEqual("", await error);
        Assert.Equal(2, await cli.ExitCodeAsync(Cancellation));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
