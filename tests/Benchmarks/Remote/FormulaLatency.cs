using System.Diagnostics;
using Gradients.Benchmarks.Processes;

namespace Gradients.Benchmarks.Remote;

/// <summary>A formula by Evaluate, sent at fixed times whether or not earlier ones are answered.</summary>
internal static class FormulaLatency
{
    private const int PerSecond = 500;

    /// <summary>Microseconds of each request, the first of a new server and connection among them; the client has run before.</summary>
    public static async Task<List<double>> MeasureAsync(bool byDigest, int count)
    {
        await RunAsync(byDigest, count / 4);
        return await RunAsync(byDigest, count);
    }

    private static async Task<List<double>> RunAsync(bool byDigest, int count)
    {
        using var server = await ServerProcess.StartAsync(new Dictionary<string, string>());
        var formula = new BlackScholes();
        if (byDigest)
        {
            await using var other = new Endpoint("TCP", server.Address.ToString()).Connect();
            await other.StoreAsync(formula.Graph);
        }

        await using var client = new Endpoint("TCP", server.Address.ToString()).Connect();
        var times = new List<double>();
        var calls = new List<Task<double>>();
        var first = Stopwatch.GetTimestamp();
        formula.Check(await formula.EvaluateAsync(client));
        times.Add(Stopwatch.GetElapsedTime(first).TotalMicroseconds);
        await Task.Factory.StartNew(Send, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        times.AddRange(await Task.WhenAll(calls));
        return times;

        // The times are kept by a thread that waits for nothing else.
        void Send()
        {
            var began = Stopwatch.GetTimestamp();
            for (var i = 1; i < count; i++)
            {
                var wait = (1000.0 * i / PerSecond) - Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                Thread.Sleep((int)Math.Ceiling(Math.Max(0, wait)));
                calls.Add(CallAsync());
            }
        }

        async Task<double> CallAsync()
        {
            var began = Stopwatch.GetTimestamp();
            await formula.EvaluateAsync(client).ConfigureAwait(false);
            return Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        }
    }
}
