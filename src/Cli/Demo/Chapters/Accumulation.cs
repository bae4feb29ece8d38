using Gradients.Client;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class Accumulation : IChapter
{
    public string Name => "accumulation";

    public string Title => "Accumulation over two backwards, then zeroing";

    public async Task RunAsync(ChapterContext context)
    {
        await using var session = await context.OpenSessionAsync(Name);
        var x = session.Input<double>("x", 3);
        var y = session.Input<double>("y", 3);
        var w = session.Variable("w", 2.0);
        var b = session.Variable("b", 1.0);
        var loss = (w * x + b - y).Pow(2).Mean();
        var feeds = new Feeds { [x] = new double[] { 1, 2, 3 }, [y] = new double[] { 6, 9, 12 } };

        context.Say("A backward in accumulating mode adds to the gradients that the session keeps. Before the first one, and after zeroing, a gradient is absent, which is not zero: an optimizer skips it.");
        context.Receive("dw before", await session.GetGradientAsync(w, context.Cancellation));
        await session.BackwardAsync(loss, [w, b], feeds, GradientMode.Accumulate, cancellationToken: context.Cancellation);
        context.Receive("dw after one backward", await session.GetGradientAsync(w, context.Cancellation));
        await session.BackwardAsync(loss, [w, b], feeds, GradientMode.Accumulate, cancellationToken: context.Cancellation);
        context.Receive("dw after two backwards", await session.GetGradientAsync(w, context.Cancellation));
        context.Receive("db after two backwards", await session.GetGradientAsync(b, context.Cancellation));
        await session.ZeroGradientsAsync(cancellationToken: context.Cancellation);
        context.Receive("dw after zeroing", await session.GetGradientAsync(w, context.Cancellation));
    }
}
