using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>
/// Ops that have meaning only in a definition: they are expanded when it is instantiated and never become nodes themselves.
/// </summary>
public sealed class StructuralOp : Op
{
    private static readonly Dictionary<string, DataType[]> AnyType = new() { ["T"] = DataTypes.All };

    public static readonly StructuralOp Input = new(new OpSchema("Input", "A value fed with each request.")
    {
        Domain = "gradients",
        SinceVersion = 1,
        Types = AnyType,
        Attributes = [new("type", typeof(TensorType), "Element type and dimensions; a symbolic dimension takes one size in a request.", Required: true), new("name", typeof(string), "A name for people.")],
    });

    public static readonly StructuralOp Variable = new(new OpSchema("Variable", "A value that the session keeps, versions and accumulates gradients for.")
    {
        Domain = "gradients",
        SinceVersion = 1,
        Types = AnyType,
        Attributes = [new("type", typeof(TensorType), "Element type and dimensions, all of them numbers.", Required: true), new("name", typeof(string), "A name for people.")],
    });

    public static readonly StructuralOp Constant = new(new OpSchema("Constant", "A value that is part of the graph.")
    {
        Types = AnyType,
        Attributes = [new("value", typeof(ConstantData), "The elements.", Required: true)],
    });

    public static readonly StructuralOp Gradient = new(new OpSchema("Gradient", "d(sum of <cotangent, root>)/d(wrt) as values of the graph, differentiable again: one output a wrt, zero where no path leads to it. Inputs are the roots, then the wrt values, then one cotangent a root (omitted: 1, for scalars).", new InputSchema("inputs", "T", Variadic: true, Optional: true))
    {
        Domain = "gradients",
        SinceVersion = 1,
        Types = AnyType,
        Attributes = [new("roots", typeof(long), "How many of the inputs are roots.", Default: 1L), new("wrt", typeof(long), "How many of the inputs, behind the roots, are differentiated for.", Required: true)],
    });

    public static readonly StructuralOp[] All = [Input, Variable, Constant, Gradient];

    private StructuralOp(OpSchema schema) : base(schema)
    {
    }

    public override OpKind Kind => OpKind.Structural;

    public override int CountOutputs(Attributes attributes, int inputs) => this == Gradient ? (int)Math.Clamp(attributes.Int("wrt", 1), 1, int.MaxValue) : 1;

    public override Outputs Build(OpCall call) => throw new InvalidOperationException($"{Name} is expanded with its definition.");
}
