using System.Globalization;
using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Steps;

namespace Gradients.Benchmarks.Remote;

/// <summary>The time from a message to its last result, at so many messages in flight.</summary>
internal static class StepLatency
{
    private const int Rounds = 4;
    private static readonly int[] InFlight = [1, 8, 64];

    public static IReadOnlyList<int> StepsPerMessage { get; } = [1, 64];

    /// <summary>Steps over all endpoints until the code of both processes is compiled for good: nothing is measured before.</summary>
    /// <param name="count">Steps over each.</param>
    public static async Task WarmUpAsync(IReadOnlyList<Endpoint> endpoints, int count, Recorder rows)
    {
        if (!endpoints.Any(e => StepsPerMessage.Any(steps => InFlight.Any(n => rows.Wants(Row(e, n, steps))))))
            return;
        foreach (var endpoint in endpoints)
        {
            using var steps = await PipelinedSteps.OpenAsync(endpoint, 1, pool => Networks.Regression(pool, 1));
            await steps.RunAsync(count, InFlight[^1]);
            await steps.RunAsync(count / 10, 1);
        }
    }

    /// <param name="expected">The loss and the gradients.</param>
    /// <param name="budget">Messages of one step that a row consists of; larger ones are fewer.</param>
    /// <param name="plain">Echoes as many bytes in turns with single steps; null when there is nothing to compare with.</param>
    public static async Task MeasureAsync(string suite, Endpoint endpoint, int stepsPerMessage, double[][] expected, int budget, Endpoint? plain, Recorder rows)
    {
        var wanted = InFlight.Where(n => rows.Wants(Row(endpoint, n, stepsPerMessage))).ToArray();
        if (wanted.Length == 0)
            return;
        using var steps = await PipelinedSteps.OpenAsync(endpoint, stepsPerMessage, pool => Networks.Regression(pool, 1));
        Agreement.Require($"10-5-1 over {endpoint.Name}", await steps.ResultsAsync(), expected);
        foreach (var inFlight in wanted)
        {
            var count = budget * (int)Math.Sqrt(inFlight * stepsPerMessage);
            var isSingle = inFlight == 1 && stepsPerMessage == 1;
            using var echo = isSingle && plain is not null ? new PlainEcho(plain, steps.MessageBytes) : null;
            var (latencies, echoes) = (new List<double>(), new List<double>());
            await steps.RunAsync(count / 2, inFlight);
            if (echo is not null)
                await echo.RunAsync(2 * count, 1);
            for (var round = 0; round < Rounds; round++)
            {
                await steps.RunAsync(count / Rounds, inFlight, latencies);
                if (echo is not null)
                    await echo.RunAsync(count / Rounds, 1, echoes);
            }

            var p99 = Statistics.At(latencies, 0.99);
            rows.Add(Statistics.Row(suite, Row(endpoint, inFlight, stepsPerMessage), latencies) with
            {
                Beside = new Dictionary<string, double?> { ["gRPC echo"] = echoes.Count > 0 ? Statistics.Median(echoes) : null },
                Note = Target.Join(
                    string.Create(CultureInfo.InvariantCulture, $"p99 {Recorder.Number(p99)}"),
                    endpoint.Name == "UDS" && isSingle ? Target.AtMost("p50", 50, Statistics.Median(latencies), echoes.Count > 0 ? Statistics.Median(echoes) : null) : null),
            });
        }
    }

    private static string Row(Endpoint endpoint, int inFlight, int stepsPerMessage) => $"10-5-1 {endpoint.Name}, {inFlight} in flight, {stepsPerMessage} a message";
}
