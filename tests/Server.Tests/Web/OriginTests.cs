using System.ComponentModel.DataAnnotations;
using System.Net;
using Gradients.Server.Hosting;
using Gradients.Server.Tests.Door;
using Grpc.Core;

namespace Gradients.Server.Tests.Web;

/// <summary>Who may call from a browser, and by which credential.</summary>
public sealed class OriginTests
{
    private const string Page = "https://page.test";

    [Fact]
    public async Task Pages_of_allowed_origins_may_call_and_read()
    {
        await using var web = await WebServer.StartAsync(o => o.Web.AllowedOrigins = [Page]);
        var preflight = await PreflightAsync(web, Page);
        Assert.Equal(HttpStatusCode.NoContent, preflight.Code);
        Assert.Equal(Page, preflight.Headers["access-control-allow-origin"]);
        Assert.Contains("content-type", preflight.Headers["access-control-allow-headers"], StringComparison.OrdinalIgnoreCase);
        Assert.False(preflight.Headers.ContainsKey("access-control-allow-credentials"));
        var reply = await web.SendAsync(HttpMethod.Get, "/v1/serverInfo", null, r => r.Headers.Add("Origin", Page));
        reply.Ok();
        Assert.Equal(Page, reply.Headers["access-control-allow-origin"]);
        Assert.Contains("grpc-status-details-bin", reply.Headers["access-control-expose-headers"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_of_other_origins_may_not()
    {
        await using var none = await WebServer.StartAsync();
        await using var other = await WebServer.StartAsync(o => o.Web.AllowedOrigins = ["https://other.test"]);
        foreach (var web in new[] { none, other })
        {
            Assert.False((await PreflightAsync(web, Page)).Headers.ContainsKey("access-control-allow-origin"));
            Assert.False((await web.SendAsync(HttpMethod.Get, "/v1/serverInfo", null, r => r.Headers.Add("Origin", Page))).Headers.ContainsKey("access-control-allow-origin"));
        }
    }

    [Theory]
    [InlineData("Web:AllowedOrigins:0=https://page.test/")]
    [InlineData("Web:AllowedOrigins:0=page.test")]
    [InlineData("Web:AllowedOrigins:0=null")]
    [InlineData("Web:Port=65536")]
    [InlineData("Web:Address=here")]
    public void A_wrong_setting_keeps_the_server_from_starting(string setting) =>
        Assert.Throws<ValidationException>(() => GradientsServer.Build(new GradientsServerOptions { Web = { Port = 0 } }, [$"--Gradients:{setting}"]));

    [Theory]
    [InlineData("Web:AllowedOrigin=*")]
    public void A_misspelt_setting_keeps_the_server_from_starting(string setting) =>
        Assert.Throws<InvalidOperationException>(() => GradientsServer.Build(new GradientsServerOptions(), [$"--Gradients:{setting}"]));

    [Fact]
    public void Beyond_loopback_it_needs_TLS() =>
        Assert.Throws<ValidationException>(() => GradientsServer.Build(new GradientsServerOptions { Web = { Port = 0, Address = "0.0.0.0" } }));

    [Fact]
    public async Task Every_rpc_by_every_way_refuses_who_has_no_credential()
    {
        await using var door = await GuardedServer.StartAsync(web: true);
        using var http = new HttpClient();
        var address = GradientsServer.WebAddress(door.Server.App)!;
        var routes = Routes();
        Assert.True(routes.Count >= 25, $"{routes.Count} routes");
        foreach (var authorization in new[] { null, $"Bearer {GuardedServer.Key("nobody")}" })
        {
            foreach (var (method, path) in routes)
            {
                using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(address, path)) { Content = new StringContent("{", null, "application/json") };
                if (authorization is not null)
                    request.Headers.Add("authorization", authorization);
                using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
                var reply = new WebReply(response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), []);
                reply.Refused(HttpStatusCode.Unauthorized, StatusCode.Unauthenticated, "UNAUTHENTICATED");
                Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
            }

            foreach (var path in EveryRpcTests.Rpcs.Append("/nothing.v1.Nothing/Nothing"))
            {
                foreach (var type in new[] { "application/grpc-web", "application/grpc-web-text", "application/grpc-web+proto" })
                {
                    using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, path)) { Content = new ByteArrayContent([]) };
                    request.Content.Headers.ContentType = new(type);
                    if (authorization is not null)
                        request.Headers.Add("authorization", authorization);
                    using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
                    var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
                    Assert.True(response.Headers.TryGetValues("grpc-status", out var status) && status.Single() == "16", $"{path} {type}: {response} {Convert.ToHexString(body)}");
                }
            }
        }

        // A right one gets past the door, to a body that is no message.
        foreach (var (method, path) in routes.Where(r => r.Method == "POST"))
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, path)) { Content = new StringContent("{", null, "application/json") };
            request.Headers.Add("authorization", $"Bearer {GuardedServer.Key("good")}");
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            new WebReply(response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), []).Refused(HttpStatusCode.BadRequest, StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        }
    }

    [Fact]
    public async Task A_draining_server_says_so()
    {
        await using var web = await WebServer.StartAsync(o => o.Management.Port = 0);
        using var http = new HttpClient();
        await http.PostAsync(new Uri(GradientsServer.ManagementAddress(web.Server.App)!, "/drain"), null, TestContext.Current.CancellationToken);
        (await web.GetAsync("/v1/serverInfo")).Refused(HttpStatusCode.ServiceUnavailable, StatusCode.Unavailable, "DRAINING");
    }

    private static Task<WebReply> PreflightAsync(WebServer web, string origin) => web.SendAsync(HttpMethod.Options, "/v1:evaluate", null, r =>
    {
        r.Headers.Add("Origin", origin);
        r.Headers.Add("Access-Control-Request-Method", "POST");
        r.Headers.Add("Access-Control-Request-Headers", "content-type,authorization");
    });

    /// <summary>What the contract's HTTP rules say, read from the descriptors and not from the server.</summary>
    private static List<(string Method, string Path)> Routes()
    {
        var rules = EveryRpcTests.Services.SelectMany(s => s.Methods).Select(m => m.GetOptions()?.GetExtension(Google.Api.AnnotationsExtensions.Http)).OfType<Google.Api.HttpRule>();
        var routes = rules.Select(r => r.PatternCase switch
        {
            Google.Api.HttpRule.PatternOneofCase.Get => ("GET", r.Get),
            Google.Api.HttpRule.PatternOneofCase.Post => ("POST", r.Post),
            _ => ("DELETE", r.Delete),
        }).Select(r => (r.Item1, r.Item2.Replace("{name=", "", StringComparison.Ordinal).Replace("{session=", "", StringComparison.Ordinal).Replace("/*}", "/0", StringComparison.Ordinal)));
        return [.. routes, ("GET", "/v1/descriptor"), ("GET", "/")];
    }
}
