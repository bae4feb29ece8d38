namespace Gradients.Engine.Expressions;

/// <summary>NumPy's names for ops of the catalog. Reductions drop the reduced axes, and take <c>axis</c>.</summary>
internal static class ShortNames
{
    /// <param name="Reduction"><c>axis</c> stands for <c>axes</c>, and <c>keepdims</c> is 0 unless given.</param>
    public sealed record Entry(string Op, bool Reduction = false);

    public static readonly IReadOnlyDictionary<string, Entry> All = new Dictionary<string, Entry>
    {
        ["abs"] = new("Abs"),
        ["add"] = new("Add"),
        ["attention"] = new("Attention"),
        ["broadcast_to"] = new("Expand"),
        ["cast"] = new("Cast"),
        ["clip"] = new("Clip"),
        ["concat"] = new("Concat"),
        ["conv"] = new("Conv"),
        ["divide"] = new("Div"),
        ["dropout"] = new("Dropout"),
        ["equal"] = new("Equal"),
        ["erf"] = new("Erf"),
        ["exp"] = new("Exp"),
        ["expand_dims"] = new("Unsqueeze"),
        ["gelu"] = new("Gelu"),
        ["greater"] = new("Greater"),
        ["less"] = new("Less"),
        ["log"] = new("Log"),
        ["log_softmax"] = new("LogSoftmax"),
        ["logsumexp"] = new("ReduceLogSumExp", Reduction: true),
        ["matmul"] = new("MatMul"),
        ["max"] = new("ReduceMax", Reduction: true),
        ["maximum"] = new("Max"),
        ["mean"] = new("ReduceMean", Reduction: true),
        ["min"] = new("ReduceMin", Reduction: true),
        ["minimum"] = new("Min"),
        ["multiply"] = new("Mul"),
        ["negative"] = new("Neg"),
        ["norm"] = new("ReduceL2", Reduction: true),
        ["power"] = new("Pow"),
        ["reciprocal"] = new("Reciprocal"),
        ["relu"] = new("Relu"),
        ["reshape"] = new("Reshape"),
        ["sigmoid"] = new("Sigmoid"),
        ["sign"] = new("Sign"),
        ["softmax"] = new("Softmax"),
        ["softplus"] = new("Softplus"),
        ["sqrt"] = new("Sqrt"),
        ["squeeze"] = new("Squeeze"),
        ["stop_gradient"] = new("StopGradient"),
        ["subtract"] = new("Sub"),
        ["sum"] = new("ReduceSum", Reduction: true),
        ["take"] = new("Gather"),
        ["tanh"] = new("Tanh"),
        ["transpose"] = new("Transpose"),
        ["where"] = new("Where"),
    };
}
