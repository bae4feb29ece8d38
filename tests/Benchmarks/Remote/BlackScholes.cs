using Gradients.Client;

namespace Gradients.Benchmarks.Remote;

/// <summary>The price of a European call in 25 ops, and its derivatives for spot, strike, rate, volatility and time.</summary>
internal sealed class BlackScholes
{
    /// <summary>The price, then the derivatives in that order, by the closed formulas (Hull's example: 42, 40, 0.1, 0.2, 0.5; price 4.76).</summary>
    private static readonly double[] Expected = [4.759422392871535, 0.779131290942669, -0.6991022956680141, 13.982045913360281, 8.813415059602853, 4.559092194592626];

    private readonly Node[] _inputs;
    private readonly Node _price;
    private readonly Feeds _feeds = new();

    public BlackScholes()
    {
        Node s = Input("s", 42), k = Input("k", 40), r = Input("r", 0.1), v = Input("v", 0.2), t = Input("t", 0.5);
        _inputs = [s, k, r, v, t];
        var deviation = v * t.Sqrt();
        var d1 = ((s / k).Log() + ((r + (v * v * 0.5)) * t)) / deviation;
        var d2 = d1 - deviation;
        _price = (s * Normal(d1)) - (k * Normal(d2) / (r * t).Exp());

        Node Input(string name, double value)
        {
            Node node = Graph.Input<double>(name);
            _feeds.Add(node, value);
            return node;
        }

        static Node Normal(Node x) => ((x * Math.Sqrt(0.5)).Erf() + 1.0) * 0.5;
    }

    public Graph Graph { get; } = new();

    public Task<BackwardResult> EvaluateAsync(GradientsClient client) => client.EvaluateAsync(Graph, [_price], [new Root(_price)], _inputs, _feeds);

    public void Check(BackwardResult result)
    {
        double[] got = [result.Value(_price).ToDouble(), .. _inputs.Select(i => result[i].ToDouble())];
        for (var i = 0; i < got.Length; i++)
        {
            if (!(Math.Abs(got[i] - Expected[i]) <= 1e-12 * Math.Abs(Expected[i])))
                throw new InvalidOperationException($"The formula gives {got[i]} for {Expected[i]}.");
        }
    }
}
