using System.Globalization;
using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Remote;

/// <summary>The time from a message to its last result, at so many messages in flight.</summary>
internal static class StepLatency
{
    private static readonly int[] InFlight = [1, 8, 64];

    /// <param name="expected">The loss and the gradients.</param>
    /// <param name="budget">Messages of one step that a row consists of; larger ones are fewer.</param>
    public static async Task MeasureAsync(string suite, Endpoint endpoint, int stepsPerMessage, double[][] expected, int budget, Recorder rows)
    {
        using var steps = await PipelinedSteps.OpenAsync(endpoint, stepsPerMessage, pool => Networks.Regression(pool, 1));
        Agreement.Require($"10-5-1 over {endpoint.Name}", await steps.ResultsAsync(), expected);
        foreach (var inFlight in InFlight)
        {
            var count = budget * (int)Math.Sqrt(inFlight * stepsPerMessage);
            await steps.RunAsync(count / 2, inFlight);
            var latencies = new List<double>();
            await steps.RunAsync(count, inFlight, latencies);
            var p99 = Statistics.At(latencies, 0.99);
            rows.Add(Statistics.Row(suite, $"10-5-1 {endpoint.Name}, {inFlight} in flight, {stepsPerMessage} a message", latencies) with
            {
                Note = Target.Join(
                    string.Create(CultureInfo.InvariantCulture, $"p99 {Recorder.Number(p99)}"),
                    endpoint.Name == "UDS" && inFlight == 1 && stepsPerMessage == 1 ? Target.AtMost("p50", 50, Statistics.Median(latencies)) : null),
            });
        }
    }
}
