using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Gradients.Benchmarks.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gradients.Benchmarks.Wire;

/// <summary>What ours is measured beside, over TCP and Unix domain sockets: a raw socket, and <see cref="PlainService"/>.</summary>
internal sealed class PeerProcess : IDisposable
{
    /// <summary>The first argument of this program that makes it the peer; the second is the file of the Unix domain socket.</summary>
    public const string Verb = "peer-process";

    private readonly ChildProcess _process;
    private readonly string _socket;

    private PeerProcess(ChildProcess process, string socket) => (_process, _socket) = (process, socket);

    public EndPoint Tcp => new IPEndPoint(IPAddress.Loopback, int.Parse(_process.Greeting.Split(' ')[0], CultureInfo.InvariantCulture));

    public EndPoint Unix => new UnixDomainSocketEndPoint(_socket);

    public Endpoint Plain => new("plain", _process.Greeting.Split(' ')[1]);

    public Endpoint PlainUnix => new("plain", $"unix:{ServicePath(_socket)}");

    public static async Task<PeerProcess> StartAsync(string socket) => new(await ChildProcess.StartAsync(SeparateProcesses.Again([Verb, socket])), socket);

    public static async Task RunAsync(string socketPath)
    {
        using var tcp = RawSocketServer.Listen(new IPEndPoint(IPAddress.Loopback, 0));
        using var unix = RawSocketServer.Listen(new UnixDomainSocketEndPoint(socketPath));
        RawSocketServer.Start(tcp);
        RawSocketServer.Start(unix);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2);
            kestrel.ListenUnixSocket(ServicePath(socketPath), listener => listener.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddGrpc(grpc => (grpc.MaxReceiveMessageSize, grpc.MaxSendMessageSize) = (null, null));
        await using var app = builder.Build();
        app.MapGrpcService<PlainService>();
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Console.WriteLine($"{((IPEndPoint)tcp.LocalEndPoint!).Port} {address}");
        while (await Console.In.ReadLineAsync() is not null)
            Console.WriteLine(GC.GetTotalAllocatedBytes(precise: true).ToString(CultureInfo.InvariantCulture));

        await app.StopAsync();
    }

    /// <summary>Managed bytes that it has allocated so far.</summary>
    public async Task<long> AllocatedBytesAsync() => long.Parse(await _process.AskAsync("allocated"), CultureInfo.InvariantCulture);

    public void Dispose() => _process.Dispose();

    private static string ServicePath(string socket) => $"{socket}.grpc";
}
