using System.Diagnostics;
using Gradients.Benchmarks.Steps;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Profiles;

/// <summary>
/// Where the time of a step goes, from the profiles that a session replies with: the instructions of each kind, the median of many
/// replies, and their sum beside the time of the step without a profile.
/// </summary>
internal sealed class ProfileSuite : ISuite
{
    private const int Replies = 101;
    private const double Least = 0.02;

    private static readonly (string Name, Func<BufferPool, Network> Create)[] Steps =
    [
        ("784-512-256-10 b128", pool => Networks.Perceptron(pool, 128, 784, 512, 256, 10)),
        ("LeNet b64", pool => Networks.LeNet(pool, 64)),
        ("transformer block", pool => Networks.Transformer(pool, 256, 128, 4, 8)),
    ];

    public string Name => "profile";

    public string Summary => "Where the time of a step goes: the instructions of a kind in the profile a session replies with, medians of 101 replies. Those below a fiftieth are one row. The last row of a step compares their sum with the step without a profile.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        foreach (var (name, create) in Steps)
        {
            // The rows of a step are one measurement: its name chooses all of them.
            if (!rows.Wants(name))
                continue;
            using var graph = new GraphStep(create, 1, withGradients: true);
            using var session = new SessionBackwardStep(1, create);
            settings.Meter.Measure(new Subject(Name, name, graph.Run));
            session.Run(20);
            var kinds = new Dictionary<string, List<double>>();
            var steps = new List<double>();
            for (var reply = 0; reply < (settings.IsBrief ? 1 : Replies); reply++)
            {
                // In turns, so that what slows the machine slows both.
                var began = Stopwatch.GetTimestamp();
                graph.Run(1);
                steps.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
                foreach (var kind in session.Profile().Instructions.GroupBy(Kind))
                {
                    if (!kinds.TryGetValue(kind.Key, out var times))
                        kinds.Add(kind.Key, times = []);
                    times.Add(kind.Sum(i => i.Time.TotalMicroseconds));
                }
            }

            var medians = kinds.Select(k => (Kind: k.Key, Time: Statistics.Median(k.Value))).OrderByDescending(k => k.Time).ToList();
            var (sum, step) = (medians.Sum(m => m.Time), Statistics.Median(steps));
            foreach (var (kind, time) in medians.Where(m => m.Time >= Least * sum))
                Add($"{name}: {kind}", time, null);
            Add($"{name}: others", medians.Where(m => m.Time < Least * sum).Sum(m => m.Time), null);
            Add($"{name}: sum", sum, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{sum / step:0.00} of the step without a profile, {Recorder.Number(step)} us"));

            void Add(string row, double time, string? note) => rows.Add(new Row(Name, row, 1, "us", time) { Note = note ?? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{time / sum:0%}") });
        }
    }

    private static string Kind(InstructionProfile instruction) =>
        $"{(instruction.Backward ? "backward " : "")}{string.Join(" + ", instruction.Nodes.Select(n => n.Op).Distinct().Take(4))}";
}
