using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Gradients.Server.Hosting;
using Gradients.Server.Security;
using Gradients.Testing;
using Grpc.Core;
using Grpc.Net.Client;

namespace Gradients.Server.Tests.Door;

public sealed class TlsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Authority _authority = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Certificates_of_both_kinds_and_forms_are_served_with_their_chain(bool isRsa)
    {
        var issued = _authority.Issue(Authority.ServerAuthentication, isRsa);
        await File.WriteAllTextAsync(_folder["both.pem"], issued.CertificatePem + issued.KeyPem);
        await File.WriteAllBytesAsync(_folder["both.pfx"], issued.Pkcs12);
        await File.WriteAllTextAsync(_folder["encrypted.pem"], issued.CertificatePem + issued.EncryptedKeyPem);
        foreach (var options in new[] { Pem(issued), new TlsOptions { CertificateFile = _folder["encrypted.pem"], Password = "secret" }, new TlsOptions { CertificateFile = _folder["both.pem"] }, new TlsOptions { CertificateFile = _folder["both.pfx"], Password = "secret" } })
        {
            await using var server = await TestServer.StartAsync(new GradientsServerOptions { Tls = options });
            Assert.Equal("https", server.Address.Scheme);
            await CallAsync(server);
        }
    }

    [Fact]
    public async Task Versions_before_1_2_are_refused()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Tls = Pem(_authority.Issue(Authority.ServerAuthentication, isRsa: true)) });
        const byte Alert = 21, Handshake = 22, ProtocolVersion = 70;
        Assert.Equal([Alert, 2, ProtocolVersion], await HelloAsync(server, minor: 2));
        Assert.Equal(Handshake, (await HelloAsync(server, minor: 3))[0]);
    }

    [Fact]
    public async Task Plaintext_gets_no_answer_where_TLS_is_configured()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Tls = Pem(_authority.Issue(Authority.ServerAuthentication)) });
        using var channel = GrpcChannel.ForAddress($"http://{server.Address.Authority}");
        await Assert.ThrowsAsync<RpcException>(async () => await new V1.ServerService.ServerServiceClient(channel).GetServerInfoAsync(new V1.GetServerInfoRequest()));
    }

    [Fact]
    public async Task Clients_need_a_certificate_of_the_configured_root()
    {
        var options = Pem(_authority.Issue(Authority.ServerAuthentication));
        await File.WriteAllTextAsync(_folder["ca.pem"], _authority.RootPem);
        (options.ClientCertificates, options.ClientCaFile) = (ClientCertificatePolicy.Require, _folder["ca.pem"]);
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Tls = options });
        using var others = new Authority();
        await CallAsync(server, _authority.Issue(Authority.ClientAuthentication).Present());
        await Assert.ThrowsAsync<RpcException>(() => CallAsync(server));
        await Assert.ThrowsAsync<RpcException>(() => CallAsync(server, others.Issue(Authority.ClientAuthentication).Present()));
        await Assert.ThrowsAsync<RpcException>(() => CallAsync(server, _authority.Issue(Authority.ServerAuthentication).Present()));
    }

    [Fact]
    public async Task New_connections_get_a_changed_certificate_and_old_ones_go_on()
    {
        var time = new ManualTime();
        var first = _authority.Issue(Authority.ServerAuthentication);
        var second = _authority.Issue(Authority.ServerAuthentication, isRsa: true);
        using var log = new RecordedLog();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Tls = Pem(first) }, time, configure: log.Attach);
        using var channel = Open(server);
        var client = new V1.ServerService.ServerServiceClient(channel);
        await client.GetServerInfoAsync(new V1.GetServerInfoRequest());
        Assert.Equal(first.Thumbprint, await ThumbprintAsync(server));

        await File.WriteAllTextAsync(_folder["tls.crt"], second.CertificatePem);
        time.Advance(new TlsOptions().RefreshInterval);
        Assert.Equal(first.Thumbprint, await ThumbprintAsync(server));
        Assert.Single(log.With(1303));

        await File.WriteAllTextAsync(_folder["tls.key"], second.KeyPem);
        time.Advance(new TlsOptions().RefreshInterval);
        Assert.Equal(second.Thumbprint, await ThumbprintAsync(server));
        await client.GetServerInfoAsync(new V1.GetServerInfoRequest());
    }

    [Theory]
    [InlineData("Address=0.0.0.0")]
    [InlineData("Address=::")]
    [InlineData("AllowPlaintext=false")]
    [InlineData("Tls:CertificateFile=")]
    [InlineData("Tls:CertificateFile=/nowhere/tls.crt")]
    [InlineData("Tls:KeyFile=/tls.key")]
    [InlineData("Tls:ClientCaFile=/ca.crt")]
    [InlineData("Tls:ClientCertificates=Require")]
    [InlineData("Tls:CertificateFile=/tls.crt", "Tls:ClientCertificates=Require")]
    [InlineData("Tls:CertificateFile=/tls.crt", "Tls:ClientCaFile=/ca.crt")]
    public void A_wrong_setting_keeps_the_server_from_starting(params string[] settings) =>
        Assert.Throws<ValidationException>(() => GradientsServer.Build(new GradientsServerOptions(), Array.ConvertAll(settings, s => $"--Gradients:{s}")));

    [Fact]
    public async Task Plaintext_beyond_loopback_is_served_when_allowed_and_said()
    {
        using var log = new RecordedLog();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Address = "0.0.0.0", AllowPlaintext = true }, configure: log.Attach);
        Assert.Single(log.With(1304));
    }

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }

    private async Task<string> ThumbprintAsync(TestServer server)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, server.Address.Port);
        await using var tls = new SslStream(tcp.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", ApplicationProtocols = [SslApplicationProtocol.Http2], CertificateChainPolicy = Trust() });
        return tls.RemoteCertificate!.GetCertHashString();
    }

    /// <summary>The beginning of the answer to a ClientHello (RFC 5246, 7.4.1.2) of version 1.(minor − 1): the type of the record, and of an alert its two bytes.</summary>
    private static async Task<byte[]> HelloAsync(TestServer server, byte minor)
    {
        // ECDHE_RSA with AES-128: GCM for 1.2, CBC for 1.1. Groups: P-256. Points: uncompressed. Signatures: RSA with SHA-256.
        byte[] extensions = [0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 1, 8, 4, 0, 16, 0, 5, 0, 3, 2, (byte)'h', (byte)'2'];
        byte[] body = [3, minor, .. new byte[32], 0, 0, 4, 0xc0, 0x2f, 0xc0, 0x13, 1, 0, 0, (byte)extensions.Length, .. extensions];
        byte[] record = [22, 3, 1, 0, (byte)(body.Length + 4), 1, 0, 0, (byte)body.Length, .. body];
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, server.Address.Port);
        await tcp.GetStream().WriteAsync(record);
        var answer = new byte[7];
        await tcp.GetStream().ReadExactlyAsync(answer);
        return [answer[0], answer[5], answer[6]];
    }

    private TlsOptions Pem(Authority.Issued issued)
    {
        File.WriteAllText(_folder["tls.crt"], issued.CertificatePem);
        File.WriteAllText(_folder["tls.key"], issued.KeyPem);
        return new TlsOptions { CertificateFile = _folder["tls.crt"], KeyFile = _folder["tls.key"] };
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_web_listener_speaks_both_versions_under_the_same_certificate(int version)
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Tls = Pem(_authority.Issue(Authority.ServerAuthentication)), Web = { Port = 0 } });
        var address = GradientsServer.WebAddress(server.App)!;
        Assert.Equal("https", address.Scheme);
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = Trust() } });
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, "/v1/serverInfo")) { Version = new Version(version, version % 2), VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, new Version(version, version % 2)), (response.StatusCode, response.Version));
        Assert.Contains("\"version\"", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("grpc-status"));
        await CallAsync(server);
    }

    private GrpcChannel Open(TestServer server, SslStreamCertificateContext? certificate = null)
    {
        var ssl = new SslClientAuthenticationOptions { CertificateChainPolicy = Trust(), ClientCertificateContext = certificate };
        return GrpcChannel.ForAddress(server.Address, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { SslOptions = ssl }, DisposeHttpClient = true });
    }

    private X509ChainPolicy Trust()
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(_authority.Root);
        return trust;
    }

    private async Task CallAsync(TestServer server, SslStreamCertificateContext? certificate = null)
    {
        using var channel = Open(server, certificate);
        await new V1.ServerService.ServerServiceClient(channel).GetServerInfoAsync(new V1.GetServerInfoRequest());
    }
}
