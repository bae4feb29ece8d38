using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Google.Protobuf;
using Gradients.Server.Hosting;
using Gradients.Server.Tests.Door;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Threats;

/// <summary>Bytes that nobody meant, from a seed that a failure prints.</summary>
public sealed class AbuseTests
{
    private static readonly int Seed = Environment.GetEnvironmentVariable("GRADIENTS_ABUSE_SEED") is { Length: > 0 } seed ? int.Parse(seed) : 20_261_124;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Damaged_messages_to_every_rpc_get_an_answer_that_is_neither_UNKNOWN_nor_INTERNAL()
    {
        await using var server = await TestServer.StartAsync();
        using var http = new HttpClient();
        var random = new Random(Seed);
        var session = await server.OpenAsync();
        var valid = Valid(session);
        var seen = new HashSet<StatusCode>();
        foreach (var path in EveryRpcTests.Rpcs.Where(r => r.StartsWith("/gradients.", StringComparison.Ordinal)))
        {
            for (var i = 0; i < 60; i++)
            {
                var message = Damage(valid[random.Next(valid.Length)], random);
                var code = await CodeAsync(http, server.Address, path, BareRequests.Frame(message));
                Assert.True(code is not (StatusCode.Unknown or StatusCode.Internal), $"{path}, seed {Seed}, message {i}: {code} for {Convert.ToHexString(message)}");
                seen.Add(code);
            }
        }

        Assert.Contains(StatusCode.InvalidArgument, seen);
        Assert.Contains(StatusCode.OK, seen);
        await IsWellAsync(server);
    }

    [Fact]
    public async Task Random_bytes_on_every_port_leave_the_server_well()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Management = new ManagementOptions { Port = 0, GrpcPort = 0 } });
        var random = new Random(Seed);
        var preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();
        foreach (var port in new[] { server.Address, GradientsServer.ManagementAddress(server.App)!, GradientsServer.ManagementGrpcAddress(server.App)! }.Select(a => a.Port))
        {
            for (var i = 0; i < 40; i++)
            {
                var bytes = new byte[random.Next(1, 4096)];
                random.NextBytes(bytes);
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port, Cancellation);
                var stream = client.GetStream();
                try
                {
                    await stream.WriteAsync(i % 2 == 0 ? bytes : [.. preface, .. bytes], Cancellation);
                    client.Client.Shutdown(SocketShutdown.Send);
                    await stream.CopyToAsync(Stream.Null, Cancellation);
                }
                catch (Exception e) when (e is IOException or SocketException)
                {
                    // Closed by the server while bytes were on their way.
                }
            }
        }

        await IsWellAsync(server);
    }

    private static async Task IsWellAsync(TestServer server)
    {
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
        var reply = await server.Evaluation.EvaluateAsync(Negation(), cancellationToken: Cancellation);
        Assert.Equal([-1, -2], Elements(reply.Values[0].Tensor));
    }

    private static V1.EvaluateRequest Negation() => new()
    {
        Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { Input(1, 2), Node(2, "Neg", 1) } } },
        Feeds = { Feed(1, Tensor([1, 2], 2)) },
        Fetches = { Fetch(2) },
    };

    private static byte[][] Valid(string session) =>
    [
        Negation().ToByteArray(),
        new V1.DefineNodesRequest { Session = session, Nodes = { Input(1, 2), Node(2, "Neg", 1) } }.ToByteArray(),
        new V1.SetVariablesRequest { Session = session, Updates = { new V1.VariableUpdate { Variable = 1, Tensor = Tensor([1, 2], 2) } } }.ToByteArray(),
        new V1.BackwardRequest { Session = session, Feeds = { Feed(1, Tensor([1, 2], 2)) }, Roots = { new V1.Root { Value = 2 } } }.ToByteArray(),
        new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 2 } } }.ToByteArray(),
        new V1.CreateSessionRequest { Label = "trainer" }.ToByteArray(),
    ];

    /// <summary>Flips bits, cuts, repeats a part, or is noise from the first byte.</summary>
    private static byte[] Damage(byte[] message, Random random)
    {
        var damaged = (byte[])message.Clone();
        switch (random.Next(5))
        {
            case 0:
                for (var i = 0; i <= random.Next(8) && damaged.Length > 0; i++)
                    damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
                return damaged;
            case 1:
                return damaged[..random.Next(damaged.Length + 1)];
            case 2:
                var from = random.Next(damaged.Length);
                return [.. damaged, .. damaged[from..]];
            case 3:
                random.NextBytes(damaged);
                return damaged;
            default:
                return damaged;
        }
    }

    private static async Task<StatusCode> CodeAsync(HttpClient http, Uri address, string path, byte[] body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, path)) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
        using var response = await http.SendAsync(request, Cancellation);
        var headers = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
        return (StatusCode)int.Parse(headers.GetValues("grpc-status").Single());
    }
}
