using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>
/// y₀, y₁, … = f(x₀, x₁, …), where only the client has f: it is asked for y, and for the gradients of the inputs given the
/// saved values and the cotangents of the outputs.
/// </summary>
internal sealed class CustomOp() : Op(new("Custom", "Outputs that the connected client computes from the inputs, forward and backward, while the request waits: call-outs over Interact. The inputs may have any types. The gradient itself has no derivative.", new InputSchema("inputs", Optional: true, Variadic: true, Mixed: true))
{
    Domain = "gradients",
    SinceVersion = 1,
    Types = TypeSets.AnyT,
    Attributes =
    [
        new("name", typeof(string), "What to compute; the client is told.", Required: true),
        new("types", typeof(TensorType[]), "The outputs' types. Dimensions are numbers or symbols of input_types. Absent: as like says."),
        new("like", typeof(long[]), "For each output the position of the input whose type it has. Absent, and no types: one output like input 0."),
        new("input_types", typeof(TensorType[]), "The inputs' types, which are then demanded; a symbol takes one size within the node. Absent: any."),
        new("backward", typeof(bool), "Whether the client has a backward; without one a cotangent that would have to flow is OP_NOT_DIFFERENTIABLE.", Default: true),
        new("differentiable", typeof(long[]), "Positions of the inputs that backward gives gradients for; nothing flows to others. Absent: all of a floating type."),
        new("saved_inputs", typeof(long[]), "Positions of the inputs whose elements backward gets. Absent: all."),
        new("saved_outputs", typeof(long[]), "Positions of the outputs whose elements backward gets. Absent: all."),
    ],
})
{
    public static readonly CustomOp Instance = new();

    public override OpKind Kind => OpKind.Callout;

    public override int CountOutputs(Attributes attributes, int inputs) => CustomSignature.CountOutputs(attributes, inputs);

    public override Outputs Build(OpCall call)
    {
        var (builder, inputs) = (call.Builder, call.Inputs);
        var signature = new CustomSignature(call);
        var forward = signature.Call(CalloutPhase.Forward);
        Node[] results = [];
        var custom = new CustomCall(forward.Name, [.. signature.Differentiable.Select(i => inputs[i])], cotangents =>
        {
            if (!call.Attributes.Flag("backward", true))
                throw builder.Locate(GradientsException.Unimplemented(ErrorReasons.OpNotDifferentiable, $"Custom '{forward.Name}' has no backward."), "Custom");
            var backward = signature.Call(CalloutPhase.Backward);
            Node[] arguments = [.. backward.SavedInputs.Select(i => inputs[i]), .. backward.SavedOutputs.Select(i => results[i]), .. backward.WithCotangent.Select(i => cotangents[i])];
            return backward.Append(builder, arguments, signature.Differentiable);
        });
        results = Array.ConvertAll(forward.Append(builder, inputs, Enumerable.Range(0, forward.Outputs.Length)), value => custom.AddOutput(builder, value));
        return results;
    }
}
