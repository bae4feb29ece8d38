using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Gradients.Client.Tests;

/// <summary>A TCP proxy whose replies can be swallowed and whose connections can be cut.</summary>
internal sealed class CuttableProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<TcpClient> _connections = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly int _port;
    private readonly Task _accepting;
    private volatile bool _swallow;

    public CuttableProxy(Uri server)
    {
        _port = server.Port;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>From now on the server's bytes are read and thrown away: what it executes is not known to the client.</summary>
    public void SwallowReplies() => _swallow = true;

    /// <summary>Closes every connection; later ones are served as before.</summary>
    public void Cut()
    {
        while (_connections.TryTake(out var connection))
            connection.Dispose();
        _swallow = false;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        Cut();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var copies = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                var server = new TcpClient { NoDelay = true };
                client.NoDelay = true;
                _connections.Add(client);
                _connections.Add(server);
                await server.ConnectAsync(IPAddress.Loopback, _port, _stop.Token);
                copies.Add(CopyAsync(client, server, false));
                copies.Add(CopyAsync(server, client, true));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(copies);
        }
    }

    private async Task CopyAsync(TcpClient from, TcpClient to, bool replies)
    {
        var buffer = new byte[1 << 16];
        try
        {
            var (source, target) = (from.GetStream(), to.GetStream());
            int count;
            while ((count = await source.ReadAsync(buffer, _stop.Token)) > 0)
            {
                if (!replies || !_swallow)
                    await target.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
        }

        from.Dispose();
        to.Dispose();
    }
}
