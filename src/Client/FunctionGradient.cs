using Gradients.Client.Protocol;
using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>
/// The inside of a custom gradient while it is defined: saved values of the function's body and the cotangents of its outputs.
/// What is asked for with <see cref="Saved"/> is kept from the forward pass, nothing else.
/// </summary>
public sealed class FunctionGradient : FunctionBody
{
    private readonly FunctionBody _function;
    private readonly Dictionary<Node, Node> _saved = [];
    private readonly List<Node> _order = [];
    private IReadOnlyList<Node?> _gradients = [];

    internal FunctionGradient(FunctionBody function, TopLevelGraph graph)
        : base(function.Name + ".gradient", 0, graph)
    {
        _function = function;
        Cotangents = [.. function.Outputs.Select(_ => AddParameter())];
    }

    /// <summary>One cotangent per output of the function, of the output's type and shape.</summary>
    public IReadOnlyList<Node> Cotangents { get; }

    /// <summary>The cotangent of the only output.</summary>
    public Node Cotangent => Cotangents[0];

    /// <summary>A value of the function's body or one of its parameters, as it was in the forward pass.</summary>
    public Node Saved(Node value)
    {
        ArgumentNullException.ThrowIfNull(value);
        value.RequireUsableIn(_function);
        if (!_saved.TryGetValue(value, out var parameter))
        {
            _saved[value] = parameter = AddParameter();
            _order.Add(value);
        }

        return parameter;
    }

    /// <summary>The function's argument at a position, as it was in the forward pass.</summary>
    public Node Argument(int position = 0) => Saved(_function.Parameters[position]);

    /// <summary>The function's output at a position, as it was in the forward pass.</summary>
    public Node Output(int position = 0) => Saved(_function.Outputs[position]);

    internal void Complete(IReadOnlyList<Node?> gradients)
    {
        if (gradients.Count != _function.Parameters.Count)
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.InputCountMismatch, $"The gradient of '{_function.Name}' must return {_function.Parameters.Count} gradients, one a parameter; it returned {gradients.Count}.", ("op", _function.Name));
        foreach (var gradient in gradients)
            gradient?.RequireUsableIn(this);
        _gradients = gradients;
    }

    internal V1.Function ToMessage() => ToMessage([.. _order.Select(v => _saved[v]), .. Cotangents], _gradients);

    internal V1.CustomGradient ToReference() => new() { Function = Name, Saved = { _order.Select(v => v.Id) } };
}
