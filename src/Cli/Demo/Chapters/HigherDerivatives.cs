using Gradients.Client;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class HigherDerivatives : IChapter
{
    public string Name => "higher-derivatives";

    public string Title => "Higher derivatives, and micrograd's example";

    public async Task RunAsync(ChapterContext context)
    {
        await using var session = await context.OpenSessionAsync(Name);
        var x = session.Input<double>("x");
        var cube = x * x * x;
        var first = session.Gradient(cube, x);
        var second = session.Gradient(first, x);
        var third = session.Gradient(second, x);
        using var run = await session.ForwardAsync([first, second, third], new Feeds { [x] = 3.0 }, cancellationToken: context.Cancellation);

        var a = session.Variable("a", -4.0);
        var b = session.Variable("b", 2.0);
        var g = Expression(a, b);
        var result = await session.BackwardAsync(g, [a, b], fetch: [g], cancellationToken: context.Cancellation);

        context.Say("A gradient is a graph: it can be differentiated again. Below, x³ three times, and the expression from micrograd's README at a = −4, b = 2.");
        context.Receive("x³ at 3: 1st, 2nd, 3rd derivative", run[first].ToDouble(), run[second].ToDouble(), run[third].ToDouble());
        context.Receive("g(−4, 2)", result.Value(g));
        context.Receive("dg/da", result[a]);
        context.Receive("dg/db", result[b]);
    }

    /// <summary>https://github.com/karpathy/micrograd, README: += adds to what is there.</summary>
    private static Node Expression(Node a, Node b)
    {
        var c = a + b;
        var d = a * b + b.Pow(3);
        c += c + 1;
        c += 1 + c + (-a);
        d += d * 2 + (b + a).Relu();
        d += 3 * d + (b - a).Relu();
        var e = c - d;
        var f = e.Pow(2);
        var g = f / 2;
        return g + 10 / f;
    }
}
