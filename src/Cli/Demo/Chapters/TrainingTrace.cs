using Gradients.Cli.Demo.Digits;
using Gradients.Cli.Demo.Tracing;
using Gradients.Client;
using Spectre.Console;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class TrainingTrace : IChapter
{
    private const int WarmUpSteps = 20;

    private static readonly Adam Optimizer = new();

    public string Name => "trace";

    public string Title => "The trace of one training step";

    public async Task RunAsync(ChapterContext context)
    {
        var digits = DigitSet.Load().Slice(0, 32);
        await using var session = await context.OpenSessionAsync(Name);
        var network = new DigitsNetwork(session, new Random(context.Options.Seed));

        // The first step compiles the plan and the first traced ones the paths they take; the last is ordinary.
        using var recorder = new SpanRecorder();
        var reply = await StepAsync(session, network, digits, context.Cancellation);
        for (var i = 0; i < WarmUpSteps; i++)
            reply = await StepAsync(session, network, digits, context.Cancellation);

        var spans = recorder.Spans.Where(s => s.TraceId.ToHexString() == reply.TraceId).ToArray();
        context.Say($"One step on 32 digits. The reply to backward carries the trace id {reply.TraceId}; client and server agree on it through the W3C trace context of each request on the stream.");
        context.Console.Write(SpanTree.Of(spans));
        context.Console.WriteLine();

        context.Receive("spans", [.. spans.Where(s => s.Source.Name == "Gradients" && s.OperationName != "gradients.request").OrderBy(s => s.StartTimeUtc).Select(s => s.OperationName)]);
        context.Receive("requests under the reply's trace id", spans.Count(s => s.OperationName == "gradients.request"));
        context.Receive("FLOPs of the forward pass", spans.Where(s => s.OperationName == "gradients.forward").Sum(s => Convert.ToDouble(s.GetTagItem("gradients.flops"), null)));
    }

    private static async Task<BackwardResult> StepAsync(Session session, DigitsNetwork network, DigitSet digits, CancellationToken cancellation)
    {
        using var step = SpanRecorder.Start("training step");
        var reply = await session.BackwardAsync(network.Loss, feeds: network.Feeds(digits), mode: GradientMode.Accumulate, fetch: [network.Loss], cancellationToken: cancellation);
        await session.ApplyGradientsAsync(Optimizer, zeroGradients: true, cancellationToken: cancellation);
        return reply;
    }
}
