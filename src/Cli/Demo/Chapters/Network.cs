using Gradients.Client;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class Network : IChapter
{
    public string Name => "network";

    public string Title => "Linear(10, 5)-Relu-Linear(5, 1) with a loss";

    public async Task RunAsync(ChapterContext context)
    {
        await using var session = await context.OpenSessionAsync(Name);
        var x = session.Input<double>("x", "batch", 10);
        var y = session.Input<double>("y", "batch", 1);
        var w1 = session.Variable("w1", LiteralWeights.W1, 5, 10);
        var b1 = session.Variable("b1", LiteralWeights.B1);
        var w2 = session.Variable("w2", LiteralWeights.W2, 1, 5);
        var b2 = session.Variable("b2", LiteralWeights.B2);
        var loss = x.Gemm(w1, b1, transposeB: true).Relu().Gemm(w2, b2, transposeB: true).MeanSquaredError(y);

        var feeds = new Feeds { [x] = TensorData.Of(LiteralWeights.X, 4, 10), [y] = TensorData.Of(LiteralWeights.Y, 4, 1) };
        var result = await session.BackwardAsync(loss, feeds: feeds, fetch: [loss], cancellationToken: context.Cancellation);

        context.Say("Four rows through the tutorial's network in float64, with weights that are formulas of their index. Expected are the loss and gradients that PyTorch computes from the same formulas.");
        var dw1 = result[w1].ToArray<double>();
        context.Receive("loss", result.Value(loss));
        context.Receive("dw1, row 0", dw1[..10]);
        context.Receive("norm of dw1", Math.Sqrt(dw1.Sum(g => g * g)));
        context.Receive("db1", result[b1]);
        context.Receive("dw2", result[w2]);
        context.Receive("db2", result[b2]);
    }
}
