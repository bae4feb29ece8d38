using System.Net;
using System.Net.Sockets;
using Gradients.Server.Security;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Gradients.Server.Hosting;

/// <summary>Opens the ports that are configured and knows where they are once the server has started.</summary>
internal sealed class Listeners(GradientsServerOptions options)
{
    private readonly Dictionary<Listener, ListenOptions> _open = [];

    public void Configure(KestrelServerOptions kestrel)
    {
        Open(kestrel, Listener.Main, options.Address, options.Port, HttpProtocols.Http2, listen =>
        {
            if (kestrel.ApplicationServices.GetService<TlsFiles>() is { } files)
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(files.Current) });
        });
        if (SocketPath is { } path)
            kestrel.ListenUnixSocket(path, listen => Open(listen, Listener.Main, HttpProtocols.Http2));
        if (options.Web.Port is { } web)
        {
            // Without TLS nothing tells the two versions apart before the first byte.
            Open(kestrel, Listener.Web, options.Web.Address ?? options.Address, web, options.Tls.IsConfigured ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1, listen =>
            {
                if (kestrel.ApplicationServices.GetService<TlsFiles>() is { } files)
                    listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(files.CurrentWithHttp1) });
            });
        }

        if (options.Management.Port is { } port)
            Open(kestrel, Listener.Management, options.Management.Address, port, HttpProtocols.Http1, _ => { });
        if (options.Management.GrpcPort is { } grpcPort)
            Open(kestrel, Listener.ManagementGrpc, options.Management.Address, grpcPort, HttpProtocols.Http2, _ => { });
    }

    /// <summary>Where the listener is; null when it is not open.</summary>
    public Uri? Address(Listener listener) =>
        _open.TryGetValue(listener, out var listen) ? new Uri($"{((listener & Listener.Services) != 0 && options.Tls.IsConfigured ? "https" : "http")}://{listen.IPEndPoint}") : null;

    /// <summary>The file of the socket beside the main port; null when there is none.</summary>
    public string? SocketPath { get; } = options.SocketPath is { } path ? Path.GetFullPath(path) : null;

    /// <summary>The socket's file gets its permissions before anyone can connect.</summary>
    public Socket Bind(EndPoint endPoint) => endPoint is UnixDomainSocketEndPoint unix
        ? SocketFile.Bind(unix, SocketPath!, options.SocketMode)
        : SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);

    private void Open(KestrelServerOptions kestrel, Listener listener, string address, int port, HttpProtocols protocols, Action<ListenOptions> configure) =>
        kestrel.Listen(IPAddress.Parse(address), port, listen =>
        {
            _open[listener] = listen;
            Open(listen, listener, protocols);
            configure(listen);
        });

    private static void Open(ListenOptions listen, Listener listener, HttpProtocols protocols)
    {
        listen.Protocols = protocols;
        var feature = new ListenerFeature(listener);
        listen.Use(next => connection =>
        {
            connection.Features.Set(feature);
            return next(connection);
        });
    }
}
