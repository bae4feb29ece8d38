using System.ComponentModel.DataAnnotations;
using Gradients.Server.Hosting;
using Gradients.Server.Security;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Door;

public sealed class AuthenticationOptionsTests
{
    [Theory]
    [InlineData("Authentication:ApiKeysFile=")]
    [InlineData("Authentication:ApiKeysFile=/nowhere/keys.json")]
    [InlineData("Authentication:RefreshInterval=00:00:00")]
    [InlineData("Authentication:Jwt:Issuer=a")]
    [InlineData("Authentication:Jwt:Issuer=a", "Authentication:Jwt:Audience=b")]
    [InlineData("Authentication:Jwt:Issuer=a", "Authentication:Jwt:JwksUrl=https://a/keys")]
    [InlineData("Authentication:Jwt:Audience=b", "Authentication:Jwt:JwksUrl=https://a/keys")]
    [InlineData("Authentication:Jwt:Issuer=a", "Authentication:Jwt:Audience=b", "Authentication:Jwt:JwksUrl=http://a/keys")]
    [InlineData("Authentication:Jwt:Issuer=a", "Authentication:Jwt:Audience=b", "Authentication:Jwt:JwksUrl=keys")]
    [InlineData("Authentication:Jwt:Issuer=a", "Authentication:Jwt:Audience=b", "Authentication:Jwt:JwksFile=/nowhere", "Authentication:Jwt:JwksUrl=https://a/keys")]
    [InlineData("Authentication:Jwt:Issuer=a", "Authentication:Jwt:Audience=b", "Authentication:Jwt:JwksUrl=https://a/keys", "Authentication:Jwt:TenantClaim=")]
    public void A_wrong_setting_keeps_the_server_from_starting(params string[] settings) =>
        Assert.Throws<ValidationException>(() => GradientsServer.Build(new GradientsServerOptions(), Arguments(settings)));

    [Fact]
    public void A_misspelt_setting_keeps_the_server_from_starting() =>
        Assert.Throws<InvalidOperationException>(() => GradientsServer.Build(new GradientsServerOptions(), Arguments("Authentication:ApiKeyFile=/keys.json")));

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"keys":null}""")]
    [InlineData("""{"keys":[null]}""")]
    [InlineData("""{"keys":[{"id":"a"}]}""")]
    [InlineData("""{"keys":[{"id":"A","tenant":"t","name":"n","sha256":"HASH"}]}""")]
    [InlineData("""{"keys":[{"id":"a_b","tenant":"t","name":"n","sha256":"HASH"}]}""")]
    [InlineData("""{"keys":[{"id":"a","tenant":"T","name":"n","sha256":"HASH"}]}""")]
    [InlineData("""{"keys":[{"id":"a","tenant":"t__u","name":"n","sha256":"HASH"}]}""")]
    [InlineData("""{"keys":[{"id":"a","tenant":"","name":"n","sha256":"HASH"}]}""")]
    [InlineData("""{"keys":[{"id":"a","tenant":"t","name":"n\u0007","sha256":"HASH"}]}""")]
    [InlineData("""{"keys":[{"id":"a","tenant":"t","name":null,"sha256":"HASH"}]}""")]
    [InlineData("""{"keys":[{"id":"a","tenant":"t","name":"n","sha256":"00"}]}""")]
    [InlineData("""{"keys":[{"id":"a","tenant":"t","name":"n","sha256":"HASH","secret":"s"}]}""")]
    [InlineData("""{"keys":[{"id":"a","tenant":"t","name":"n","sha256":"HASH","expires":"soon"}]}""")]
    [InlineData("""{"keys":[{"id":"a","tenant":"t","name":"n","sha256":"HASH"},{"id":"a","tenant":"t","name":"n","sha256":"HASH"}]}""")]
    public async Task A_broken_file_of_keys_keeps_the_server_from_starting(string json)
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["keys.json"], json.Replace("HASH", new string('0', 64), StringComparison.Ordinal), TestContext.Current.CancellationToken);
        var e = Assert.Throws<ValidationException>(() => GradientsServer.Build(new GradientsServerOptions { Authentication = new AuthenticationOptions { ApiKeysFile = folder["keys.json"] } }));
        Assert.StartsWith("Authentication:ApiKeysFile: ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[]""")]
    [InlineData("""{"keys":[]}""")]
    [InlineData("""{"keys":[{"kty":"oct","kid":"k","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]}""")]
    [InlineData("""{"keys":[{"kty":"RSA","kid":"small","e":"AQAB","n":"3q2-7w"}]}""")]
    public async Task A_key_set_without_a_key_that_signs_keeps_the_server_from_starting(string json)
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["jwks.json"], json, TestContext.Current.CancellationToken);
        var options = new GradientsServerOptions { Authentication = new AuthenticationOptions { Jwt = new JwtOptions { Issuer = "i", Audience = "a", JwksFile = folder["jwks.json"] } } };
        Assert.Throws<ValidationException>(() => GradientsServer.Build(options));
    }

    [Fact]
    public async Task A_key_that_is_made_opens_the_door_and_its_tenant_owns_what_it_makes()
    {
        var ours = NewApiKey.Create("acme", "build server", new DateTimeOffset(2026, 2, 1, 2, 0, 0, TimeSpan.FromHours(2)));
        var theirs = NewApiKey.Create("other", "x");
        Assert.Contains("""
            "expires":"2026-02-01T00:00:00
            """.Trim(), ours.Entry, StringComparison.Ordinal);
        await using var door = await GuardedServer.StartAsync();
        await File.WriteAllTextAsync(door.KeysFile, GuardedServer.Keys(ours.Entry, theirs.Entry), TestContext.Current.CancellationToken);
        door.Time.Advance(new AuthenticationOptions().RefreshInterval);
        var session = (await door.Server.Sessions.CreateSessionAsync(new V1.CreateSessionRequest(), With(ours))).Session.Name;
        await door.Server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session }, With(ours));
        var foreign = await RefusedAsync(StatusCode.NotFound, "SESSION_NOT_FOUND", async () => await door.Server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session }, With(theirs)));
        Assert.DoesNotContain("acme", foreign.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refusals_are_logged_without_the_credential_and_not_without_bound()
    {
        using var log = new RecordedLog();
        await using var door = await GuardedServer.StartAsync(configure: log.Attach);
        for (var i = 0; i < RefusalLog.MaxPerWindow + 5; i++)
            await door.CodeAsync(GuardedServer.Key("good", GuardedServer.OtherSecret));
        Assert.Equal(RefusalLog.MaxPerWindow, log.With(1300).Count);
        Assert.Equal("/gradients.v1.ServerService/GetServerInfo from 127.0.0.1 refused at the door: wrong secret.", log.With(1300)[0]);
        door.Time.Advance(TimeSpan.FromMinutes(1));
        await door.CallAsync("/a\u0007b");
        Assert.Equal(["5 more calls refused at the door."], log.With(1301));
        Assert.Equal("/a\\u0007b from 127.0.0.1 refused at the door: missing.", log.With(1300)[^1]);
        Assert.DoesNotContain(log.Lines, l => l.Contains(GuardedServer.OtherSecret, StringComparison.Ordinal) || l.Contains("gk_", StringComparison.Ordinal));
    }

    private static string[] Arguments(params string[] settings) => Array.ConvertAll(settings, s => $"--Gradients:{s}");

    private static Metadata With(NewApiKey key) => new() { { "authorization", $"Bearer {key.Text}" } };
}
