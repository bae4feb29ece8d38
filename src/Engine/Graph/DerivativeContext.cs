using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>
/// What a derivative rule sees: the node, the cotangent of its output (same shape and type as the output), and which inputs
/// need a cotangent. Rules add nodes; they compute no numbers.
/// </summary>
public sealed class DerivativeContext
{
    private readonly List<Node?> _cotangents = [];
    private readonly List<bool> _needs = [];

    public Node Output { get; private set; } = null!;

    /// <summary>The cotangent of <see cref="Output"/>.</summary>
    public Node Cotangent { get; private set; } = null!;

    public GraphBuilder Builder => Output.Builder;

    public Attributes Attributes => Output.Attributes;

    public int InputCount => Output.Inputs.Length;

    public Node Input(int position) => Output.Inputs[position];

    /// <summary>Whether something asked for depends on this input; rules skip the others.</summary>
    public bool Needs(int position) => _needs[position];

    /// <summary>Sets the cotangent of an input; a cotangent of the broadcast shape is summed back by the transform.</summary>
    public void Set(int position, Node cotangent) => _cotangents[position] = cotangent;

    /// <summary>A scalar of the output's element type.</summary>
    public Node Scalar(double value) => Builder.Scalar(Output.DataType, value);

    internal Node? Result(int position) => _cotangents[position];

    internal void Start(Node output, Node cotangent)
    {
        Output = output;
        Cotangent = cotangent;
        _cotangents.Clear();
        _needs.Clear();
        for (var i = 0; i < output.Inputs.Length; i++)
        {
            _cotangents.Add(null);
            _needs.Add(false);
        }
    }

    internal void Require(int position) => _needs[position] = true;
}
