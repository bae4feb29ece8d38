using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>y.shape[i] = x.shape[perm[i]]; dx = g with the inverse permutation.</summary>
internal sealed class TransposeOp() : ViewOp(new("Transpose", "Permutes the dimensions: dimension i of the output is dimension perm[i] of the input.", new InputSchema("data"))
{
    Types = TypeSets.AnyT,
    Attributes = [new("perm", typeof(long[]), "A permutation of the dimensions; reverses them when omitted.")],
})
{
    public static readonly TransposeOp Instance = new();

    public override NodeType Infer(OpCall call)
    {
        var shape = call.Inputs[0].Shape;
        var perm = Permutation(call.Attributes, shape.Rank);
        var seen = new bool[shape.Rank];
        if (perm.Length != shape.Rank)
            throw call.InvalidAttribute($"perm {Shape.Format(perm)} does not permute the dimensions of {shape}");
        foreach (var p in perm)
        {
            if (p < 0 || p >= shape.Rank || seen[p])
                throw call.InvalidAttribute($"perm {Shape.Format(perm)} does not permute the dimensions of {shape}");
            seen[p] = true;
        }

        return new(call.Inputs[0].DataType, new Shape(Array.ConvertAll(perm, p => shape[(int)p])));
    }

    public override Layout View(Node node, Layout input) =>
        new(node.Shape, Array.ConvertAll(Permutation(node.Attributes, node.Shape.Rank), p => input.Strides[p]), input.Offset);

    public override void Derivative(DerivativeContext context)
    {
        var perm = Permutation(context.Attributes, context.Output.Shape.Rank);
        var inverse = new long[perm.Length];
        for (var i = 0; i < perm.Length; i++)
            inverse[perm[i]] = i;
        context.Set(0, context.Cotangent.Transpose(inverse));
    }

    /// <summary>Whether the node exchanges the last two dimensions and no others.</summary>
    public static bool SwapsLast(Node node)
    {
        var perm = Permutation(node.Attributes, node.Shape.Rank);
        for (var i = 0; i < perm.Length; i++)
        {
            if (perm[i] != (i == perm.Length - 1 ? i - 1 : i == perm.Length - 2 ? i + 1 : i))
                return false;
        }

        return perm.Length >= 2;
    }

    private static long[] Permutation(Attributes attributes, int rank)
    {
        if (attributes.Ints("perm") is { } perm)
            return perm;
        var reversed = new long[rank];
        for (var i = 0; i < rank; i++)
            reversed[i] = rank - 1 - i;
        return reversed;
    }
}
