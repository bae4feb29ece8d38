using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Gradients.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Gradients.Integration.Tests.Cli;

/// <summary><c>gradients probe</c> against a server of this process.</summary>
public sealed class ProbeTests : IAsyncLifetime
{
    private readonly WebApplication _server = GradientsServer.Build(new GradientsServerOptions { MemoryBudgetBytes = 64 << 20, ComputeThreads = 1, Management = { GrpcPort = 0 } }, configure: b => b.Logging.ClearProviders());

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Address => GradientsServer.Address(_server).GetLeftPart(UriPartial.Authority);

    public async ValueTask InitializeAsync() => await _server.StartAsync(Cancellation);

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_serving_server_is_probed_with_0_and_silence()
    {
        await using var probe = CliProcess.Start("probe", "--address", Address);
        Assert.Equal("", await probe.Output.ReadToEndAsync(Cancellation));
        Assert.Equal("", await probe.Error.ReadToEndAsync(Cancellation));
        Assert.Equal(0, await probe.ExitCodeAsync(Cancellation));
    }

    [Fact]
    public async Task Without_an_address_the_settings_of_the_server_tell_where()
    {
        var port = GradientsServer.ManagementGrpcAddress(_server)!.Port;
        var settings = new Dictionary<string, string> { ["GRADIENTS__MANAGEMENT__ADDRESS"] = "0.0.0.0", ["GRADIENTS__MANAGEMENT__GRPCPORT"] = port.ToString(CultureInfo.InvariantCulture) };
        await using var probe = CliProcess.Start(settings, "probe");
        Assert.Equal("", await probe.Error.ReadToEndAsync(Cancellation));
        Assert.Equal(0, await probe.ExitCodeAsync(Cancellation));
    }

    [Fact]
    public async Task A_server_that_is_gone_is_probed_with_1_and_one_line()
    {
        var address = Address;
        await _server.StopAsync(Cancellation);
        await using var probe = CliProcess.Start("probe", "--address", address);
        var error = await probe.Error.ReadToEndAsync(Cancellation);
        Assert.Equal(1, await probe.ExitCodeAsync(Cancellation));
        Assert.StartsWith($"gradients probe: {address}: Unavailable: ", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Silence_is_waited_for_no_longer_than_asked()
    {
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        await using var probe = CliProcess.Start("probe", "--timeout", "0.2", "--address", $"http://{mute.LocalEndpoint}");
        Assert.Equal($"gradients probe: http://{mute.LocalEndpoint}: no answer within 0.2 s\n", await probe.Error.ReadToEndAsync(Cancellation));
        Assert.Equal(1, await probe.ExitCodeAsync(Cancellation));
    }

    [Theory]
    [InlineData("probe", "--address", "nowhere")]
    [InlineData("probe", "--timeout", "0")]
    [InlineData("try", "--server", "nowhere")]
    [InlineData("try", "--trace-url", "nowhere")]
    public async Task A_wrong_command_line_exits_with_2_and_says_why(params string[] arguments)
    {
        await using var cli = CliProcess.Start(arguments);
        var error = cli.Error.ReadToEndAsync(Cancellation);
        await cli.Output.ReadToEndAsync(Cancellation);
        Assert.NotEqual("", await error);
        Assert.Equal(2, await cli.ExitCodeAsync(Cancellation));
    }
}
