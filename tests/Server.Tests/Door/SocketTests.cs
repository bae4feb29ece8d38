using System.ComponentModel.DataAnnotations;
using System.Net.Sockets;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using Grpc.Net.Client;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Door;

/// <summary>The Unix domain socket beside the port.</summary>
public sealed class SocketTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gradients-socket-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string SocketPath => Path.Combine(_folder, "g.sock");

    [Fact]
    public async Task It_serves_beside_the_port_and_its_file_goes_with_the_server()
    {
        await using (var server = await TestServer.StartAsync(new GradientsServerOptions { SocketPath = SocketPath }))
        {
            using var channel = Connect();
            var session = await server.OpenAsync();
            var sessions = new V1.SessionService.SessionServiceClient(channel);
            await sessions.DefineNodesAsync(Define(session));
            await sessions.SetVariablesAsync(Set(session, 2, 3));
            var reply = await sessions.BackwardAsync(Backward(session, V1.GradientMode.Return));
            Assert.Equal(new double[] { 5, 7 }, Elements(reply.Gradients[0].Tensor));
            Assert.Equal(SocketPath, GradientsServer.SocketPath(server.App));
        }

        Assert.False(File.Exists(SocketPath));
    }

    [Theory]
    [InlineData(null, UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite)]
    public async Task Only_its_owner_may_connect_unless_more_is_said(UnixFileMode? mode, UnixFileMode expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no file modes.");
        var options = new GradientsServerOptions { SocketPath = SocketPath };
        options.SocketMode = mode ?? options.SocketMode;
        await using var server = await TestServer.StartAsync(options);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(expected, File.GetUnixFileMode(SocketPath));
    }

    [Fact]
    public async Task Keys_are_asked_for_there_too()
    {
        var keys = Path.Combine(_folder, "keys.json");
        await File.WriteAllTextAsync(keys, """{"keys":[]}""", Cancellation);
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { SocketPath = SocketPath, Authentication = { ApiKeysFile = keys } });
        using var channel = Connect();
        await RefusedAsync(StatusCode.Unauthenticated, "UNAUTHENTICATED", async () => await new V1.ServerService.ServerServiceClient(channel).GetServerInfoAsync(new V1.GetServerInfoRequest()));
    }

    [Fact]
    public async Task The_file_of_a_server_that_was_killed_is_replaced_and_that_of_a_living_one_is_not()
    {
        using (var killed = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            // Bound under another name, so that closing it leaves the file.
            var other = Path.Combine(_folder, "other.sock");
            killed.Bind(new UnixDomainSocketEndPoint(other));
            File.Move(other, SocketPath);
        }

        await using var server = await TestServer.StartAsync(new GradientsServerOptions { SocketPath = SocketPath });
        await Assert.ThrowsAnyAsync<IOException>(() => TestServer.StartAsync(new GradientsServerOptions { SocketPath = SocketPath }));
        using var channel = Connect();
        await new V1.ServerService.ServerServiceClient(channel).GetServerInfoAsync(new V1.GetServerInfoRequest());
    }

    [Fact]
    public async Task A_file_with_content_is_left_alone()
    {
        await File.WriteAllTextAsync(SocketPath, "precious", Cancellation);
        await Assert.ThrowsAnyAsync<IOException>(() => TestServer.StartAsync(new GradientsServerOptions { SocketPath = SocketPath }));
        Assert.Equal("precious", await File.ReadAllTextAsync(SocketPath, Cancellation));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/tmp/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789.sock")]
    public async Task A_path_that_no_socket_has_is_refused_at_start(string path) =>
        Assert.Contains("SocketPath", (await Assert.ThrowsAsync<ValidationException>(() => TestServer.StartAsync(new GradientsServerOptions { SocketPath = path }))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Client_certificates_cannot_be_asked_for_without_TLS()
    {
        var options = new GradientsServerOptions { SocketPath = SocketPath, Tls = { ClientCertificates = Security.ClientCertificatePolicy.Require, CertificateFile = "c", KeyFile = "k", ClientCaFile = "a" } };
        Assert.Contains("SocketPath", (await Assert.ThrowsAsync<ValidationException>(() => TestServer.StartAsync(options))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private GrpcChannel Connect() => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        },
        DisposeHttpClient = true,
    });
}
