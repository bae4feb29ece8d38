using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Gradients.Server.Hosting;
using Gradients.Server.Security;
using Gradients.Testing;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Door;

public sealed class ManagementTests : IDisposable
{
    private readonly HttpClient _http = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_embedded_server_has_no_management_listener_unless_asked()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Null(GradientsServer.ManagementAddress(server.App));
        Assert.Null(GradientsServer.ManagementGrpcAddress(server.App));
    }

    [Fact]
    public async Task An_empty_port_switches_a_management_listener_off()
    {
        var options = new GradientsServerOptions { ComputeThreads = 1, Management = new ManagementOptions { Port = 0, GrpcPort = 0 } };
        await using var app = GradientsServer.Build(options, ["--Gradients:Management:Port="], b => b.Logging.ClearProviders());
        await app.StartAsync(Cancellation);
        Assert.Null(GradientsServer.ManagementAddress(app));
        Assert.NotNull(GradientsServer.ManagementGrpcAddress(app));
        await app.StopAsync(Cancellation);
    }

    [Theory]
    [InlineData("Management:Port=65536")]
    [InlineData("Management:GrpcPort=-1")]
    [InlineData("Management:Address=here")]
    public void A_wrong_setting_keeps_the_server_from_starting(string setting) =>
        Assert.Throws<System.ComponentModel.DataAnnotations.ValidationException>(() => GradientsServer.Build(new GradientsServerOptions(), [$"--Gradients:{setting}"]));

    [Fact]
    public async Task Each_listener_answers_what_is_its_own_whatever_host_is_claimed()
    {
        await using var server = await StartAsync();
        var main = GradientsServer.Address(server.App);
        var management = GradientsServer.ManagementAddress(server.App)!;
        var probes = GradientsServer.ManagementGrpcAddress(server.App)!;
        Assert.Equal(3, new HashSet<int> { main.Port, management.Port, probes.Port }.Count);
        foreach (var path in new[] { "/healthz", "/readyz" })
        {
            Assert.Equal(HttpStatusCode.OK, await GetAsync(management, path));
            Assert.Equal(HttpStatusCode.NotFound, await GetAsync(main, path, HttpVersion.Version20, management.Authority));
            Assert.Equal(HttpStatusCode.NotFound, await GetAsync(probes, path, HttpVersion.Version20, management.Authority));
        }

        using var channel = GrpcChannel.ForAddress(probes);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation)).Status);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await new V1.ServerService.ServerServiceClient(channel).GetServerInfoAsync(new V1.GetServerInfoRequest(), cancellationToken: Cancellation));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
        foreach (var rpc in EveryRpcTests.Rpcs)
        {
            Assert.Equal(HttpStatusCode.NotFound, await PostAsync(management, rpc, HttpVersion.Version11, main.Authority));
            if (!rpc.StartsWith("/grpc.health.v1.", StringComparison.Ordinal))
                Assert.Equal(HttpStatusCode.NotFound, await PostAsync(probes, rpc, HttpVersion.Version20, main.Authority));
        }
    }

    [Fact]
    public async Task Health_needs_no_credential_on_the_management_listener_alone()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["keys.json"], """{"keys":[]}""", Cancellation);
        await using var server = await StartAsync(o => o.Authentication.ApiKeysFile = folder["keys.json"]);
        Assert.Equal(HttpStatusCode.OK, await GetAsync(GradientsServer.ManagementAddress(server.App)!, "/readyz"));
        using var channel = GrpcChannel.ForAddress(GradientsServer.ManagementGrpcAddress(server.App)!);
        await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation);
        await RefusedAsync(StatusCode.Unauthenticated, "UNAUTHENTICATED", async () => await new Health.HealthClient(server.Channel).CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation));
        Assert.Equal(HttpStatusCode.Unauthorized, await GetAsync(server.Address, "/healthz", HttpVersion.Version20, null));
    }

    [Fact]
    public async Task Drain_refuses_new_work_waits_for_what_is_in_flight_and_leaves_the_process_running()
    {
        await using var server = await StartAsync();
        var management = GradientsServer.ManagementAddress(server.App)!;
        var session = await server.OpenAsync();
        using var upload = server.Tensors.UploadTensor(cancellationToken: Cancellation);
        await upload.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 2 } } }, Cancellation);
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);

        var drain = _http.PostAsync(new Uri(management, "/drain"), null, Cancellation);
        await RefusedAsync(StatusCode.Unavailable, "DRAINING", async () =>
        {
            for (var i = 0; i < 10_000; i++)
                await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest(), cancellationToken: Cancellation);
        });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await GetAsync(management, "/readyz"));
        Assert.Equal(HttpStatusCode.OK, await GetAsync(management, "/healthz"));
        Assert.False(drain.IsCompleted);

        await upload.RequestStream.WriteAsync(TensorTests.Chunk(0, 2), Cancellation);
        await upload.RequestStream.CompleteAsync();
        Assert.Equal("tensors/1", (await upload).Handle);
        Assert.Equal(HttpStatusCode.OK, (await drain).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _http.PostAsync(new Uri(management, "/drain"), null, Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, await GetAsync(management, "/healthz"));
    }

    [Fact]
    public async Task Drain_is_not_taken_from_web_pages_or_by_GET()
    {
        await using var server = await StartAsync();
        var management = GradientsServer.ManagementAddress(server.App)!;
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(management, "/drain"));
        request.Headers.Add("Origin", management.GetLeftPart(UriPartial.Authority));
        Assert.Equal(HttpStatusCode.Forbidden, (await _http.SendAsync(request, Cancellation)).StatusCode);
        Assert.NotEqual(HttpStatusCode.OK, await GetAsync(management, "/drain"));
        Assert.Equal(HttpStatusCode.OK, await GetAsync(management, "/readyz"));
    }

    [Fact]
    public async Task Drain_is_not_taken_from_other_addresses()
    {
        var address = NetworkInterface.GetAllNetworkInterfaces()
            .Where(n => n.OperationalStatus == OperationalStatus.Up)
            .SelectMany(n => n.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address)
            .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        Assert.SkipWhen(address is null, "This machine has no address beyond loopback.");
        await using var server = await StartAsync(o => o.Management.Address = "0.0.0.0");
        var management = new Uri($"http://{address}:{GradientsServer.ManagementAddress(server.App)!.Port}");
        Assert.Equal(HttpStatusCode.Forbidden, (await _http.PostAsync(new Uri(management, "/drain"), null, Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, await GetAsync(management, "/readyz"));
    }

    [Fact]
    public async Task A_flood_of_connections_on_the_main_listener_leaves_probes_answered()
    {
        await using var server = await StartAsync(o => o.MaxConnections = 4);
        var flood = Enumerable.Range(0, 5).Select(_ => new TcpClient()).ToList();
        try
        {
            foreach (var client in flood)
                await client.ConnectAsync(IPAddress.Loopback, server.Address.Port, Cancellation);

            // Which of them is one too many is up to the threads that take them on.
            Assert.True(await await Task.WhenAny(flood.Select(EndsAsync)));
            await Assert.ThrowsAsync<RpcException>(async () => await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest(), cancellationToken: Cancellation));
            Assert.Equal(HttpStatusCode.OK, await GetAsync(GradientsServer.ManagementAddress(server.App)!, "/readyz"));
            using var channel = GrpcChannel.ForAddress(GradientsServer.ManagementGrpcAddress(server.App)!);
            await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation);
        }
        finally
        {
            flood.ForEach(c => c.Dispose());
        }

        static async Task<bool> EndsAsync(TcpClient client)
        {
            try
            {
                return await client.GetStream().ReadAsync(new byte[1], Cancellation) == 0;
            }
            catch (IOException)
            {
                return true;
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_port_in_use_leaves_nothing_listening(bool isHttp)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var options = new GradientsServerOptions { ComputeThreads = 1, Management = new ManagementOptions { Port = isHttp ? port : 0, GrpcPort = isHttp ? 0 : port } };
        await using var app = GradientsServer.Build(options, configure: b => b.Logging.ClearProviders());
        await Assert.ThrowsAsync<IOException>(() => app.StartAsync(Cancellation));
        var main = GradientsServer.Address(app).Port;
        Assert.NotEqual(0, main);
        using var client = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(async () => await client.ConnectAsync(IPAddress.Loopback, main, Cancellation));
    }

    public void Dispose() => _http.Dispose();

    private static Task<TestServer> StartAsync(Action<GradientsServerOptions>? change = null)
    {
        var options = new GradientsServerOptions { Management = new ManagementOptions { Port = 0, GrpcPort = 0 } };
        change?.Invoke(options);
        return TestServer.StartAsync(options);
    }

    private Task<HttpStatusCode> GetAsync(Uri address, string path) => GetAsync(address, path, HttpVersion.Version11, null);

    private async Task<HttpStatusCode> GetAsync(Uri address, string path, Version version, string? host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, path)) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Host = host;
        using var response = await _http.SendAsync(request, Cancellation);
        return response.StatusCode;
    }

    private async Task<HttpStatusCode> PostAsync(Uri address, string path, Version version, string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, path)) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(BareRequests.Frame([])) };
        request.Content.Headers.ContentType = new("application/grpc");
        request.Headers.Host = host;
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        return response.StatusCode;
    }
}
