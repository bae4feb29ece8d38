namespace Gradients.Client;

/// <summary>
/// What the server asks of a custom function: its outputs from its inputs, or the gradients of its inputs from what was saved
/// and the cotangents of its outputs.
/// </summary>
public sealed class CustomRequest
{
    private readonly TensorData?[] _inputs;
    private readonly TensorData?[] _outputs;
    private readonly TensorData?[] _cotangents;

    internal CustomRequest(V1.CalloutRequest request, TensorData?[] inputs, TensorData?[] outputs, TensorData?[] cotangents)
    {
        (Node, Name) = (request.Node, request.Name);
        Wanted = [.. request.Wanted.Select(w => (int)w)];
        (_inputs, _outputs, _cotangents) = (inputs, outputs, cotangents);
    }

    /// <summary>Id of the node.</summary>
    public ulong Node { get; }

    /// <summary>The name under which the function is registered.</summary>
    public string Name { get; }

    /// <summary>How many inputs the node has.</summary>
    public int InputCount => _inputs.Length;

    /// <summary>Positions of the values that are used: outputs forward, inputs backward. Others may be null.</summary>
    public IReadOnlyList<int> Wanted { get; }

    /// <summary>An input.</summary>
    /// <exception cref="InvalidOperationException">It is not among the node's saved inputs.</exception>
    public TensorData Input(int position) => _inputs[position] ?? throw NotSaved("input", position);

    /// <summary>Backward: an output.</summary>
    /// <exception cref="InvalidOperationException">It is not among the node's saved outputs.</exception>
    public TensorData Output(int position) => _outputs[position] ?? throw NotSaved("output", position);

    /// <summary>Backward: the cotangent of an output, zeros where nothing flowed.</summary>
    /// <exception cref="InvalidOperationException">The output is no floating value.</exception>
    public TensorData Cotangent(int position) => _cotangents[position] ?? throw new InvalidOperationException($"Output {position} of '{Name}' is no floating value: it has no cotangent.");

    private InvalidOperationException NotSaved(string kind, int position) => new($"The {kind} {position} of '{Name}' is not saved for its backward; CustomOptions names what is.");
}
