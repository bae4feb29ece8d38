using Gradients.Client;

namespace Gradients.Cli.Demo.Chapters;

internal sealed class Activations : IChapter
{
    public string Name => "activations";

    public string Title => "Gradients of Relu, Sigmoid and Softmax";

    public async Task RunAsync(ChapterContext context)
    {
        await using var session = await context.OpenSessionAsync(Name);
        var x = session.Input<double>("x", 3);
        var z = session.Input<double>("z");
        var relu = x.Relu().Sum();
        var sigmoid = z.Sigmoid();
        var softmax = x.Softmax();

        // All three are sent before the first answer.
        var ofRelu = session.BackwardAsync(relu, [x], new Feeds { [x] = new double[] { -1, 0, 2 } }, cancellationToken: context.Cancellation);
        var ofSigmoid = session.BackwardAsync(sigmoid, [z], new Feeds { [z] = 0.0 }, cancellationToken: context.Cancellation);
        var ofSoftmax = session.BackwardAsync([new Root(softmax, new double[] { 1, 0, 0 })], [x], new Feeds { [x] = new double[] { 1, 2, 3 } }, cancellationToken: context.Cancellation);

        context.Say("Relu has the derivative 0 at 0. Sigmoid: s (1 − s). Softmax: dyᵢ/dxⱼ = yᵢ (δᵢⱼ − yⱼ); the cotangent [1, 0, 0] selects row 0 of its Jacobian.");
        context.Receive("Relu at −1, 0, 2", (await ofRelu)[x]);
        context.Receive("Sigmoid at 0", (await ofSigmoid)[z]);
        context.Receive("Softmax at 1, 2, 3, row 0", (await ofSoftmax)[x]);
    }
}
