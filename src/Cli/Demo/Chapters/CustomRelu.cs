using Gradients.Client;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class CustomRelu : IChapter
{
    public string Name => "custom-relu";

    public string Title => "CustomReLU beside the built-in Relu";

    public async Task RunAsync(ChapterContext context)
    {
        await using var session = await context.OpenSessionAsync(Name);
        var custom = session.DefineFunction(
            "CustomReLU",
            (_, x) => x.Clip(min: 0),
            gradient: g => g.Argument().Less(0).Where(0, g.Cotangent));
        var x = session.Input<double>("x", 3);
        var y = custom.Call(x);
        var ownLoss = y.Sum();
        var loss = x.Relu().Sum();
        var feeds = new Feeds { [x] = new double[] { -1, 0, 2 } };

        var own = await session.BackwardAsync(ownLoss, [x], feeds, fetch: [y], cancellationToken: context.Cancellation);
        var builtIn = await session.BackwardAsync(loss, [x], feeds, cancellationToken: context.Cancellation);

        context.Say("A function with a gradient of its own, sent as data and run on the server: forward clamps at 0, backward sets the cotangent to 0 where input < 0, as the tutorial writes it. So its gradient at 0 is 1; the built-in Relu has 0 there. At −1, 0, 2:");
        context.Receive("CustomReLU: value", own.Value(y));
        context.Receive("CustomReLU: gradient", own[x]);
        context.Receive("Relu: gradient", builtIn[x]);
    }
}
