using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>
/// A TCP proxy that passes bytes on in pieces of random sizes with pauses between them, and closes each connection after a random
/// number of bytes in either direction.
/// </summary>
internal sealed class RoughProxy : IAsyncDisposable
{
    // A connection lives for as many bytes as some requests, or as part of one.
    private const int MostBytes = 200_000;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _copies = [];
    private readonly Random _random;
    private readonly int _port;
    private readonly Task _accepting;
    private int _cuts;

    public RoughProxy(Uri server, int seed)
    {
        _port = server.Port;
        _random = new Random(seed);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Connections that were cut.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    /// <summary>From now on connections last.</summary>
    public bool IsGentle { get; set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_copies);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                var server = new TcpClient { NoDelay = true };
                client.NoDelay = true;
                await server.ConnectAsync(IPAddress.Loopback, _port, _stop.Token);
                _copies.Add(CopyAsync(client, server, _random.Next(MostBytes), _random.Next()));
                _copies.Add(CopyAsync(server, client, _random.Next(MostBytes), _random.Next()));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task CopyAsync(TcpClient from, TcpClient to, int bytes, int seed)
    {
        var random = new Random(seed);
        var buffer = new byte[1 << 16];
        try
        {
            var (source, target) = (from.GetStream(), to.GetStream());
            while (true)
            {
                var count = await source.ReadAsync(buffer.AsMemory(0, 1 + random.Next(buffer.Length)), _stop.Token);
                if (count == 0)
                    break;
                if (!IsGentle && count > bytes)
                {
                    // What is left of the connection's bytes, which ends inside a frame.
                    await target.WriteAsync(buffer.AsMemory(0, bytes), _stop.Token);
                    Interlocked.Increment(ref _cuts);
                    break;
                }

                bytes -= count;
                for (var sent = 0; sent < count;)
                {
                    var piece = Math.Min(count - sent, 1 + random.Next(random.Next(2) == 0 ? 20 : 5000));
                    await target.WriteAsync(buffer.AsMemory(sent, piece), _stop.Token);
                    sent += piece;
                    for (var pause = random.Next(3); pause > 0; pause--)
                        await Task.Yield();
                }
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
        }

        from.Dispose();
        to.Dispose();
    }
}
