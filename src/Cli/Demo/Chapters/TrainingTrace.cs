using Gradients.Cli.Demo.Digits;
using Gradients.Cli.Demo.Tracing;
using Gradients.Client;
using Spectre.Console;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class TrainingTrace : IChapter
{
    private static readonly Adam Optimizer = new();

    public string Name => "trace";

    public string Title => "The trace of one training step";

    public async Task RunAsync(ChapterContext context)
    {
        var digits = DigitSet.Load().Slice(0, 32);
        await using var session = await context.OpenSessionAsync(Name);
        var network = new DigitsNetwork(session, new Random(context.Options.Seed));

        // The first step compiles the plan; the second is the one to look at.
        await StepAsync(session, network, digits, context.Cancellation);
        using var recorder = new SpanRecorder();
        BackwardResult reply;
        using (var step = SpanRecorder.Start("training step"))
            reply = await StepAsync(session, network, digits, context.Cancellation);

        var spans = recorder.Spans;
        context.Say($"One step on 32 digits. The reply to backward carries the trace id {reply.TraceId}; client and server agree on it through the W3C trace context of each request on the stream.");
        context.Console.Write(SpanTree.Of(spans, reply.TraceId));
        context.Console.WriteLine();

        context.Receive("spans", [.. spans.Where(s => s.Source.Name == "Gradients.Engine").OrderBy(s => s.StartTimeUtc).Select(s => s.OperationName)]);
        context.Receive("traces beside the one of the reply", spans.Count(s => s.TraceId.ToHexString() != reply.TraceId));
        context.Receive("FLOPs of the forward pass", spans.Where(s => s.OperationName == "gradients.forward").Sum(s => Convert.ToDouble(s.GetTagItem("gradients.flops"), null)));
    }

    private static async Task<BackwardResult> StepAsync(Session session, DigitsNetwork network, DigitSet digits, CancellationToken cancellation)
    {
        BackwardResult reply;
        using (SpanRecorder.Start("client: backward"))
            reply = await session.BackwardAsync(network.Loss, feeds: network.Feeds(digits), mode: GradientMode.Accumulate, fetch: [network.Loss], cancellationToken: cancellation);
        using (SpanRecorder.Start("client: apply gradients"))
            await session.ApplyGradientsAsync(Optimizer, zeroGradients: true, cancellationToken: cancellation);
        return reply;
    }
}
