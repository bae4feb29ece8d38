using Gradients.Client;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class LinearRegression : IChapter
{
    public string Name => "linear-regression";

    public string Title => "Linear regression by broadcasting scalars";

    public async Task RunAsync(ChapterContext context)
    {
        await using var session = await context.OpenSessionAsync(Name);
        var x = session.Input<double>("x", 3);
        var y = session.Input<double>("y", 3);
        var w = session.Variable("w", 2.0);
        var b = session.Variable("b", 1.0);
        var loss = (w * x + b - y).Pow(2).Mean();
        var xSquared = x.Pow(2).Mean();

        var feeds = new Feeds { [x] = new double[] { 1, 2, 3 }, [y] = new double[] { 6, 9, 12 } };
        var result = await session.BackwardAsync(loss, [w, b, x], feeds, fetch: [loss, xSquared], cancellationToken: context.Cancellation);

        context.Say("loss = mean((w x + b − y)²) with x = [1, 2, 3], y = [6, 9, 12], w = 2, b = 1. The scalars w and b are broadcast; their gradients are summed back to scalars, and x is tracked too.");
        context.Receive("loss", result.Value(loss));
        context.Receive("dw", result[w]);
        context.Receive("db", result[b]);
        context.Receive("dx", result[x]);
        context.Receive("mean(x²)", result.Value(xSquared));
        context.Say("Tutorials print 4.6667 for dw and 3.0 for db here. Both are wrong: with e = w x + b − y = [−3, −4, −5], dw = mean(2 e x) = −52/3 and db = mean(2 e) = −8. All errors are negative, so w and b must grow and their gradients cannot be positive. 4.6667 happens to be mean(x²).");
    }
}
