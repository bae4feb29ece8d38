using Gradients.Client;

namespace Gradients.Cli.Demo.Digits;

/// <summary>Linear(64, 128)-Relu-Linear(128, 10) with softmax cross entropy, in float32.</summary>
internal sealed class DigitsNetwork
{
    private const int Hidden = 128;
    private const int Classes = 10;

    private readonly Node _pixels;
    private readonly Node _labels;

    public DigitsNetwork(Session session, Random random)
    {
        _pixels = session.Input<float>("pixels", "batch", DigitSet.PixelCount);
        _labels = session.Input<long>("labels", "batch");
        Logits = Linear(session, random, Linear(session, random, _pixels, DigitSet.PixelCount, Hidden, "hidden").Relu(), Hidden, Classes, "output");
        Loss = Logits.SoftmaxCrossEntropy(_labels);
    }

    /// <summary>[batch, 10].</summary>
    public Node Logits { get; }

    /// <summary>The mean over the batch.</summary>
    public Node Loss { get; }

    /// <summary>The labels are fed only where the loss is asked for; elsewhere they are not reached and not used.</summary>
    public Feeds Feeds(DigitSet digits) => new()
    {
        [_pixels] = TensorData.Of(digits.Pixels, digits.Count, DigitSet.PixelCount),
        [_labels] = digits.Labels,
    };

    /// <summary>x Wᵀ + b with W [outputs, inputs]; all uniform in ±1/√inputs, as PyTorch's Linear starts.</summary>
    private static Node Linear(Session session, Random random, Node x, int inputs, int outputs, string name)
    {
        var w = session.Variable($"{name}.weight", Uniform(random, outputs * inputs, 1 / Math.Sqrt(inputs)), outputs, inputs);
        var b = session.Variable($"{name}.bias", Uniform(random, outputs, 1 / Math.Sqrt(inputs)));
        return x.Gemm(w, b, transposeB: true);
    }

    private static float[] Uniform(Random random, int count, double bound) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)((2 * random.NextDouble() - 1) * bound))];
}
