using System.Diagnostics;
using Gradients.Benchmarks.Telemetry;

namespace Gradients.Benchmarks.Remote;

/// <summary>Small steps over loopback TCP, the server in a process of its own.</summary>
internal sealed class RemoteSuite : ISuite
{
    private const int Steps = 60_000;
    private const int Repeats = 5;

    public string Name => "remote";

    public string Summary => "Steps a second of a 10-5-1 network (Backward with loss and gradients) over one Interact stream on loopback TCP, many in flight, the client included: steps in one message, and the processor time of both processes a step.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        foreach (var perMessage in new[] { 64, 1 })
            RunAsync(perMessage, settings, rows).GetAwaiter().GetResult();
    }

    private async Task RunAsync(int perMessage, SuiteSettings settings, Recorder rows)
    {
        using var server = await ServerProcess.StartAsync(new Dictionary<string, string>());
        using var client = await PipelinedSteps.OpenAsync(server.Address, perMessage);
        var steps = settings.IsBrief ? Steps / 10 : Steps;
        await client.RunAsync(steps);
        await client.RunAsync(steps);
        var (rates, costs) = (new List<double>(), new List<double>());
        for (var i = 0; i < Repeats; i++)
        {
            var (began, before) = (Stopwatch.GetTimestamp(), server.ProcessorTime + Process.GetCurrentProcess().TotalProcessorTime);
            await client.RunAsync(steps);
            rates.Add(steps / Stopwatch.GetElapsedTime(began).TotalSeconds);
            costs.Add((server.ProcessorTime + Process.GetCurrentProcess().TotalProcessorTime - before).TotalMicroseconds / steps);
        }

        rows.Add(Row($"10-5-1, {perMessage} a message", "steps/s", rates));
        rows.Add(Row($"10-5-1, {perMessage} a message, both processes", "us", costs));
    }

    private Row Row(string name, string unit, List<double> values) =>
        new(Name, name, 1, unit, Statistics.Median(values)) { P10 = Statistics.At(values, 0.1), P90 = Statistics.At(values, 0.9), MayAllocate = true };
}
