using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>
/// One use of a function that has a gradient function, or of a <c>Custom</c> op. The body is inlined as ordinary nodes; each
/// output passes through a <see cref="CustomCallOutput"/>, where the reverse sweep leaves the built-in rules and inlines the
/// gradient function.
/// </summary>
/// <param name="Function">The function's name, for errors.</param>
/// <param name="Arguments">The nodes that the function was called with.</param>
/// <param name="Gradient">
/// Inlines the gradient function for one cotangent an output; returns one node an argument, null where it gives none.
/// </param>
public sealed record CustomCall(string Function, Node[] Arguments, Func<Node[], Node?[]> Gradient)
{
    /// <summary>The outputs, appended one behind the other.</summary>
    internal List<Node> Outputs { get; } = [];

    /// <summary>Marks a value of the body as this call's next output.</summary>
    public Node AddOutput(GraphBuilder builder, Node value)
    {
        // The arguments are inputs too, so that "depends on" passes through the call even where the body ignores them.
        var output = builder.AppendCall(CustomCallOutput.Instance, [value, .. Arguments], this);
        Outputs.Add(output);
        return output;
    }
}

/// <summary>Input 0 unchanged; the inputs behind it are the call's arguments, to which its cotangents go.</summary>
public sealed class CustomCallOutput : ViewOp
{
    public static readonly CustomCallOutput Instance = new();

    private CustomCallOutput()
        : base(new OpSchema("CustomCallOutput", "The output of a function with a custom gradient.", new InputSchema("value", "T", Differentiability.Blocked), new InputSchema("arguments", "A", Variadic: true, Optional: true))
        {
            Domain = "gradients",
            SinceVersion = 1,
            Types = new Dictionary<string, DataType[]> { ["T"] = DataTypes.All, ["A"] = DataTypes.All },
        })
    {
    }

    public override NodeType Infer(OpCall call) => call.Inputs[0].Type;

    public override Layout View(Node node, Layout input) => input;
}
