using System.Globalization;
using Gradients.Client;
using Gradients.Cli.Commands;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class Evaluation : IChapter
{
    private const int Rows = 256;

    public string Name => "evaluation";

    public string Title => "Evaluation with gradients off";

    public async Task RunAsync(ChapterContext context)
    {
        await using var session = await context.OpenSessionAsync(Name);
        var x = session.Input<double>("x", "batch", 10);
        var w1 = session.Variable("w1", LiteralWeights.W1, 5, 10);
        var b1 = session.Variable("b1", LiteralWeights.B1);
        var w2 = session.Variable("w2", LiteralWeights.W2, 1, 5);
        var b2 = session.Variable("b2", LiteralWeights.B2);
        var prediction = x.Gemm(w1, b1, transposeB: true).Relu().Gemm(w2, b2, transposeB: true);
        var feeds = new Feeds { [x] = TensorData.Of(LiteralWeights.Sequence(Rows * 10, i => Math.Sin(0.3 * i)), Rows, 10) };

        using var on = await session.ForwardAsync([prediction], feeds, gradients: true, cancellationToken: context.Cancellation);
        var held = on.HeldBytes;
        var backward = await on.BackwardAsync([new Root(prediction, TensorData.Of(LiteralWeights.Sequence(Rows, _ => 1), Rows, 1))], cancellationToken: context.Cancellation);
        using var off = await session.ForwardAsync([prediction], feeds, gradients: false, cancellationToken: context.Cancellation);

        context.Say(string.Create(CultureInfo.InvariantCulture, $"A forward pass with gradients on keeps what backward will need, as its reply tells: {ByteCount.Format(held)} for {Rows} rows of Linear(10, 5)-Relu-Linear(5, 1), of which the input alone is {ByteCount.Format(Rows * 10 * 8)}. Backward gives it back. With gradients off nothing is kept, and the predictions are the same to the bit."));
        context.Receive("bytes held with gradients on", held);
        context.Receive("bytes held after backward", backward.HeldBytes);
        context.Receive("bytes held with gradients off", off.HeldBytes);
        context.Receive("difference of the predictions", on[prediction].ToArray<double>().Zip(off[prediction].ToArray<double>()).Max(p => Math.Abs(p.First - p.Second)));
    }
}
