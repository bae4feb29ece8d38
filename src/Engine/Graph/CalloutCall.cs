using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>Which half of a <c>Custom</c> op is asked for.</summary>
public enum CalloutPhase
{
    /// <summary>Inputs to outputs.</summary>
    Forward,

    /// <summary>Saved inputs and outputs, and cotangents, to gradients.</summary>
    Backward,
}

/// <summary>
/// One half of one use of a <c>Custom</c> op: what is asked, with the types of everything. The nodes of its values share it,
/// so that the plan asks once for all of them.
/// </summary>
internal sealed class CalloutCall(string name, CalloutPhase phase, NodeType[] inputs, NodeType[] outputs, int[] savedInputs, int[] savedOutputs)
{
    /// <summary>The op's attribute <c>name</c>: what to compute.</summary>
    public string Name => name;

    public CalloutPhase Phase => phase;

    /// <summary>Types of the op's inputs.</summary>
    public NodeType[] Inputs => inputs;

    /// <summary>Types of the op's outputs.</summary>
    public NodeType[] Outputs => outputs;

    /// <summary>Positions of the inputs whose elements the backward half gets.</summary>
    public int[] SavedInputs => savedInputs;

    /// <summary>Positions of the outputs whose elements the backward half gets.</summary>
    public int[] SavedOutputs => savedOutputs;

    /// <summary>Types of the values asked for: the outputs, or the gradient of each input.</summary>
    public NodeType[] Values => Phase == CalloutPhase.Forward ? Outputs : Inputs;

    /// <summary>Positions of the outputs that have a cotangent, those of a floating type.</summary>
    public IEnumerable<int> WithCotangent => Enumerable.Range(0, Outputs.Length).Where(i => Outputs[i].DataType.IsFloating());

    /// <summary>The nodes of some of the values, each of which depends on all <paramref name="arguments"/>.</summary>
    public Node[] Append(GraphBuilder builder, Node[] arguments, IEnumerable<int> positions) =>
        [.. positions.Select(p => builder.AppendCall(CalloutOp.Of(Phase), arguments, new CalloutValue(this, p), Values[p]))];
}

/// <summary>What a node of a call-out carries.</summary>
/// <param name="Position">Among the values of the call.</param>
internal sealed record CalloutValue(CalloutCall Call, int Position);

/// <summary>
/// A value that the client computes. Nothing flows through the forward half: the <see cref="CustomCall"/> behind it has the
/// rule. The backward half has no derivative.
/// </summary>
internal sealed class CalloutOp : PrimitiveOp
{
    public static readonly CalloutOp Forward = new("CustomForward", Differentiability.Blocked);
    public static readonly CalloutOp Backward = new("CustomBackward", Differentiability.Undefined);

    private CalloutOp(string name, Differentiability differentiability)
        : base(new OpSchema(name, "A value that the client computes.", new InputSchema("arguments", "T", differentiability, Optional: true, Variadic: true, Mixed: true))
        {
            Domain = "gradients",
            SinceVersion = 1,
            Types = new Dictionary<string, DataType[]> { ["T"] = DataTypes.All },
        })
    {
    }

    public override OpKind Kind => OpKind.Callout;

    public static CalloutOp Of(CalloutPhase phase) => phase == CalloutPhase.Forward ? Forward : Backward;

    public override NodeType Infer(OpCall call) => throw new InvalidOperationException($"The call of {Name} tells its type.");
}
