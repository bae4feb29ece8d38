using System.Diagnostics;
using System.Net;
using Gradients.Server.Hosting;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace Gradients.Server.Tests.Door;

/// <summary>Probes are answered while every compute thread is busy: computing does not take the threads that serve.</summary>
public sealed class HealthUnderLoadTests(ITestOutputHelper output)
{
    private const int Checks = 300;

    private static readonly TimeSpan Bound = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Health_answers_within_100_ms_at_the_99th_percentile()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Management = new ManagementOptions { Port = 0, GrpcPort = 0 } });
        using var probes = GrpcChannel.ForAddress(GradientsServer.ManagementGrpcAddress(server.App)!);
        using var http = new HttpClient { BaseAddress = GradientsServer.ManagementAddress(server.App) };
        using var stop = new CancellationTokenSource();
        var load = Enumerable.Range(0, 4).Select(_ => LoadAsync(server, stop.Token)).ToArray();
        await Gradients.Testing.Eventually.HoldsAsync(() => server.Host.Pool.RentedBytes > 2 * 512 * 512 * 8);

        var main = await MeasureAsync(async () => Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await new Health.HealthClient(server.Channel).CheckAsync(new HealthCheckRequest())).Status));
        var management = await MeasureAsync(async () => await new Health.HealthClient(probes).CheckAsync(new HealthCheckRequest()));
        var ready = await MeasureAsync(async () => Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/readyz", UriKind.Relative))).StatusCode));
        Assert.DoesNotContain(load, l => l.IsCompleted);
        await stop.CancelAsync();
        await Task.WhenAll(load);

        foreach (var (name, times) in new[] { ("main", main), ("management gRPC", management), ("readyz", ready) })
        {
            var (median, p99) = (times[Checks / 2], times[(Checks * 99 / 100) - 1]);
            output.WriteLine($"{name}: median {median.TotalMilliseconds:f2} ms, p99 {p99.TotalMilliseconds:f2} ms, longest {times[^1].TotalMilliseconds:f2} ms");
            Assert.True(p99 <= Bound, $"{name}: p99 {p99.TotalMilliseconds:f1} ms, median {median.TotalMilliseconds:f1} ms");
        }
    }

    private static async Task LoadAsync(TestServer server, CancellationToken stop)
    {
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Slow.Nodes(100) } }, cancellationToken: CancellationToken.None);
        var forward = Slow.Forward(100);
        forward.Session = session;
        try
        {
            while (!stop.IsCancellationRequested)
                await server.Sessions.ForwardAsync(forward, cancellationToken: stop);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled)
        {
        }
    }

    private static async Task<TimeSpan[]> MeasureAsync(Func<Task> check)
    {
        await check();
        var times = new TimeSpan[Checks];
        for (var i = 0; i < Checks; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await check();
            times[i] = Stopwatch.GetElapsedTime(began);
        }

        Array.Sort(times);
        return times;
    }
}
