using System.Security.Cryptography;
using System.Text;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Gradients.Server.Tests.Door;

/// <summary>Every rpc by the descriptors, with every kind of credential.</summary>
public sealed class EveryRpcTests
{
    internal static readonly Google.Protobuf.Reflection.ServiceDescriptor[] Services =
    [
        V1.SessionService.Descriptor, V1.TensorService.Descriptor, V1.EvaluationService.Descriptor, V1.GraphService.Descriptor, V1.ServerService.Descriptor,
        Health.Descriptor, Grpc.Reflection.V1.ServerReflection.Descriptor, Grpc.Reflection.V1Alpha.ServerReflection.Descriptor,
    ];

    internal static readonly string[] Rpcs = [.. Services.SelectMany(s => s.Methods).Select(m => $"/{m.Service.FullName}/{m.Name}")];

    private static readonly string[] Unknown = ["/gradients.v1.SessionService/Nothing", "/nothing.v1.Nothing/Nothing", "/nothing", "/"];

    [Fact]
    public async Task The_rpcs_tested_are_all_that_are_mapped()
    {
        await using var door = await GuardedServer.StartAsync();
        var mapped = door.Server.App.Services.GetServices<EndpointDataSource>()
            .SelectMany(s => s.Endpoints)
            .Select(e => e.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.FullName)
            .OfType<string>();
        Assert.NotEmpty(mapped);
        Assert.Empty(mapped.Except(Rpcs));
        Assert.Contains("/gradients.v1.SessionService/Interact", mapped);
    }

    [Fact]
    public async Task Every_rpc_refuses_every_wrong_credential()
    {
        await using var door = await GuardedServer.StartAsync();
        foreach (var (kind, code, authorization) in Wrong(door))
        {
            var reason = code == StatusCode.Unauthenticated ? "UNAUTHENTICATED" : "PERMISSION_DENIED";
            var message = code == StatusCode.PermissionDenied ? "The credential gives no access."
                : kind is "none" or "empty" ? "A credential is missing: send authorization: Bearer with an API key or a token."
                : "The credential is not valid.";
            foreach (var path in Rpcs.Concat(Unknown))
            {
                var answer = await door.CallAsync(path, authorization);
                Assert.True(answer == ((int)code, reason, message), $"{path} with {kind}: {answer}");
            }
        }
    }

    [Fact]
    public async Task Every_rpc_is_open_to_a_right_credential()
    {
        await using var door = await GuardedServer.StartAsync();
        foreach (var credential in new[] { GuardedServer.Key("good"), door.Issuer.Rsa(door.Claims()), door.Issuer.Ec(door.Claims()) })
        {
            foreach (var path in Rpcs)
            {
                var (code, reason, _) = await door.CallAsync(path, $"bearer {credential}");
                Assert.True(code is not (int)StatusCode.Unauthenticated and not (int)StatusCode.PermissionDenied, $"{path}: {code} {reason}");
            }

            foreach (var path in Unknown[..2])
                Assert.Equal((int)StatusCode.Unimplemented, (await door.CallAsync(path, $"Bearer {credential}")).Code);
        }
    }

    private static List<(string Kind, StatusCode Code, string[] Authorization)> Wrong(GuardedServer door)
    {
        using var stranger = new Issuer();
        var now = door.Time.GetUtcNow();
        var good = door.Issuer.Rsa(door.Claims());
        var parts = good.Split('.');
        var cases = new List<(string, StatusCode, string[])>
        {
            ("none", StatusCode.Unauthenticated, []),
            ("empty", StatusCode.Unauthenticated, [""]),
            ("wrong scheme", StatusCode.Unauthenticated, [$"Basic {Convert.ToBase64String(Encoding.ASCII.GetBytes(GuardedServer.Key("good")))}"]),
            ("no scheme", StatusCode.Unauthenticated, [GuardedServer.Key("good")]),
            ("scheme alone", StatusCode.Unauthenticated, ["Bearer"]),
        };
        Invalid("garbage", "garbage");
        Invalid("two", $"{GuardedServer.Key("good")},Bearer {GuardedServer.Key("good")}");
        Invalid("key of no entry", GuardedServer.Key("nobody"));
        Invalid("key with a wrong secret", GuardedServer.Key("good", GuardedServer.OtherSecret));
        Invalid("key without a secret", "gk_good_");
        Invalid("key's hash", $"gk_good_{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(GuardedServer.Key("good"))))}");
        Invalid("expired key", GuardedServer.Key("old"));
        Invalid("expired token", door.Issuer.Rsa(door.Claims("exp", now.AddSeconds(-31).ToUnixTimeSeconds())));
        Invalid("token without an expiry", door.Issuer.Rsa(door.Claims("exp")));
        Invalid("token of later", door.Issuer.Rsa(door.Claims("nbf", now.AddSeconds(31).ToUnixTimeSeconds())));
        Invalid("wrong issuer", door.Issuer.Rsa(door.Claims("iss", "https://issuer.test/")));
        Invalid("no issuer", door.Issuer.Rsa(door.Claims("iss")));
        Invalid("wrong audience", door.Issuer.Rsa(door.Claims("aud", "others")));
        Invalid("no audience", door.Issuer.Rsa(door.Claims("aud")));
        Invalid("stranger's signature", stranger.Rsa(door.Claims()));
        Invalid("stranger's signature by elliptic curve", stranger.Ec(door.Claims()));
        Invalid("unknown key id", door.Issuer.Rsa(door.Claims(), kid: "x"));
        Invalid("changed claims", $"{parts[0]}.{Issuer.Encode(Encoding.UTF8.GetBytes("""{"tenant":"other"}"""))}.{parts[2]}");
        Invalid("no signature", $"{parts[0]}.{parts[1]}.");
        Invalid("algorithm none", Issuer.Unsigned(door.Claims()));
        Invalid("HMAC by the public key", door.Issuer.Hmac(door.Claims(), Encoding.ASCII.GetBytes(door.Issuer.RsaPublicPem)));
        Invalid("long", new string('a', 17 << 10));
        Denied("disabled key", GuardedServer.Key("off"));
        Denied("token without a tenant", door.Issuer.Rsa(door.Claims("tenant")));
        Denied("token of an empty tenant", door.Issuer.Rsa(door.Claims("tenant", "")));
        Denied("token of a tenant with a line break", door.Issuer.Rsa(door.Claims("tenant", "acme\n")));
        Denied("token of a long tenant", door.Issuer.Rsa(door.Claims("tenant", new string('a', 64))));
        Denied("token of tenants", door.Issuer.Rsa(door.Claims("tenant", new[] { "acme", "other" })));
        return cases;

        void Invalid(string kind, string credential) => cases.Add((kind, StatusCode.Unauthenticated, [$"Bearer {credential}"]));
        void Denied(string kind, string credential) => cases.Add((kind, StatusCode.PermissionDenied, [$"Bearer {credential}"]));
    }
}
