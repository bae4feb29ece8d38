using System.Globalization;
using Gradients.Cli.Demo.Digits;
using Gradients.Client;
using Spectre.Console;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class DigitsTraining : IChapter
{
    private const int BatchSize = 32;

    private static readonly Adam Optimizer = new() { LearningRate = 3e-3 };

    public string Name => "digits";

    public string Title => "A network learns to read handwritten digits";

    public async Task RunAsync(ChapterContext context)
    {
        var (training, test) = DigitSet.Load().Split();
        var random = new Random(context.Options.Seed);
        await using var session = await context.OpenSessionAsync(Name);
        var network = new DigitsNetwork(session, random);
        context.Say(string.Create(CultureInfo.InvariantCulture, $"1,797 digits of 8 × 8 grey levels, {training.Count} to train on and {test.Count} to test on. Linear(64, 128)-Relu-Linear(128, 10), softmax cross entropy, Adam, batches of {BatchSize}, {context.Options.Epochs} epochs. Each step is a backward that accumulates and an optimizer step on the server; all steps of an epoch are on their way before the first answer."));

        var losses = new List<double>();
        await EpochProgress.RunAsync(context.Console, context.Options.Epochs, async report =>
        {
            for (var epoch = 1; epoch <= context.Options.Epochs; epoch++)
            {
                losses.Add(await TrainAsync(session, network, training.Shuffled(random), context.Cancellation));
                report(epoch, losses[^1]);
            }
        });

        context.Console.Write(LossCurve.Of(losses));
        context.Console.WriteLine();
        var accuracy = await AccuracyAsync(session, network, test, context.Cancellation);
        context.Receive("digits trained on", training.Count);
        context.Receive("digits tested on", test.Count);
        context.Receive("accuracy", accuracy);
        context.Receive("loss by epoch", [.. losses]);
    }

    /// <summary>One pass over the digits; the mean loss.</summary>
    private static async Task<double> TrainAsync(Session session, DigitsNetwork network, DigitSet digits, CancellationToken cancellation)
    {
        var steps = new List<Task<BackwardResult>>();
        var updates = new List<Task>();
        for (var start = 0; start < digits.Count; start += BatchSize)
        {
            var batch = digits.Slice(start, Math.Min(BatchSize, digits.Count - start));
            steps.Add(session.BackwardAsync(network.Loss, feeds: network.Feeds(batch), mode: GradientMode.Accumulate, fetch: [network.Loss], cancellationToken: cancellation));
            updates.Add(session.ApplyGradientsAsync(Optimizer, zeroGradients: true, cancellationToken: cancellation));
        }

        var results = await Task.WhenAll(steps);
        await Task.WhenAll(updates);
        return results.Select((r, i) => r.Value(network.Loss).ToDouble() * Math.Min(BatchSize, digits.Count - i * BatchSize)).Sum() / digits.Count;
    }

    /// <summary>The fraction of digits whose largest logit is that of the label.</summary>
    private static async Task<double> AccuracyAsync(Session session, DigitsNetwork network, DigitSet digits, CancellationToken cancellation)
    {
        using var run = await session.ForwardAsync([network.Logits], network.Feeds(digits), cancellationToken: cancellation);
        var logits = run[network.Logits].ToArray<float>();
        var right = Enumerable.Range(0, digits.Count).Count(i => logits.AsSpan(i * 10, 10).IndexOf(logits.AsSpan(i * 10, 10).ToArray().Max()) == digits.Labels[i]);
        return (double)right / digits.Count;
    }
}
