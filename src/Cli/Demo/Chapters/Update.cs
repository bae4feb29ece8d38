using Gradients.Client;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class Update : IChapter
{
    private const double LearningRate = 0.01;

    public string Name => "update";

    public string Title => "An update without tracking";

    public async Task RunAsync(ChapterContext context)
    {
        await using var session = await context.OpenSessionAsync(Name);
        var x = session.Input<double>("x", 3);
        var y = session.Input<double>("y", 3);
        var w = session.Variable("w", 2.0);
        var b = session.Variable("b", 1.0);
        var loss = (w * x + b - y).Pow(2).Mean();
        var feeds = new Feeds { [x] = new double[] { 1, 2, 3 }, [y] = new double[] { 6, 9, 12 } };

        var gradients = session.Gradient([loss], [w, b]);
        var versions = await session.AssignAsync([(w, w - LearningRate * gradients[0]), (b, b - LearningRate * gradients[1])], feeds, context.Cancellation);
        var after = await session.BackwardAsync(loss, [w, b], feeds, fetch: [loss], cancellationToken: context.Cancellation);

        context.Say("w ← w − 0.01 dw and b ← b − 0.01 db, by plain assignment: both right sides are computed before either is assigned, on the server, and the next gradient starts at the new values. It knows nothing of how they came about.");
        context.Receive("w", await session.GetAsync(w, context.Cancellation));
        context.Receive("b", await session.GetAsync(b, context.Cancellation));
        context.Receive("version of w", versions[0]);
        context.Receive("loss", after.Value(loss));
        context.Receive("dw", after[w]);
    }
}
