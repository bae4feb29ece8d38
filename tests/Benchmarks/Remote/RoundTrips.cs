using System.Diagnostics;
using Gradients.Benchmarks.Wire;

namespace Gradients.Benchmarks.Remote;

/// <summary>A few bytes there and back between two processes: what waking each other takes, which every request pays too.</summary>
internal static class RoundTrips
{
    private const int Bytes = 64;

    public static async Task MeasureAsync(string suite, PeerProcess peer, int count, Recorder rows)
    {
        foreach (var (name, endpoint) in new[] { ("UDS", peer.Unix), ("TCP", peer.Tcp) })
        {
            var row = $"{Bytes} bytes there and back, raw socket, {name}";
            if (!rows.Wants(row))
                continue;
            await using var socket = new RawSocketTransfer(endpoint);
            if (!await socket.PrepareAsync(new byte[Bytes]))
                throw new InvalidOperationException($"{name}: other bytes came back.");
            var times = new List<double>();
            for (var i = 0; i < count; i++)
            {
                var began = Stopwatch.GetTimestamp();
                await socket.DownloadAsync(1);
                times.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
            }

            rows.Add(Statistics.Row(suite, row, times));
        }
    }
}
