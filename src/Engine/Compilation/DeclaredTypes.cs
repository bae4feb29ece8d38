using Gradients.Engine.Autodiff;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>
/// What definitions alone tell of the types of values, by the compiler's own expansion: it is made with two lengths for every
/// symbol, different from those of all others, and what both agree on depends on no symbol.
/// </summary>
public static class DeclaredTypes
{
    /// <summary>The symbol of a length that only feeds tell.</summary>
    public const string UnknownLength = "";

    private const long LengthStep = 29;

    /// <summary>
    /// The type of each value; lengths are numbers, declared symbols, or <see cref="UnknownLength"/>. Null where even the rank
    /// is known only with feeds, or no feeds fit.
    /// </summary>
    /// <exception cref="GradientsException">COMPUTE_QUOTA: more nodes than allowed.</exception>
    public static TensorType?[] Of(IReadOnlyList<Value> values, Subgraph subgraph, int maxNodes, CancellationToken cancellation)
    {
        _ = CompiledProgram.ExpandedNodesOf(subgraph, maxNodes);
        string[] symbols = [.. subgraph.Sources.SelectMany(s => DeclaredOf(s).Dimensions).Select(d => d.Symbol).OfType<string>().Distinct()];
        var first = Expand(values, subgraph, symbols, FirstLength, maxNodes, cancellation);
        var second = symbols.Length == 0 ? first : Expand(values, subgraph, symbols, SecondLength, maxNodes, cancellation);
        return [.. first.Zip(second, (a, b) => Agreed(a, b, symbols))];
    }

    private static long FirstLength(int symbol) => 67 + (LengthStep * symbol);

    private static long SecondLength(int symbol) => 131 + (61L * symbol);

    private static TensorType DeclaredOf(NodeDefinition source) =>
        source.Op == StructuralOp.Constant ? TensorType.Of(Subgraph.ConstantOf(source).DataType, Subgraph.ConstantOf(source).Shape) : (TensorType)source.Attributes.Find("type")!;

    private static NodeType?[] Expand(IReadOnlyList<Value> values, Subgraph subgraph, string[] symbols, Func<int, long> length, int maxNodes, CancellationToken cancellation)
    {
        var lengths = symbols.Select((symbol, i) => (symbol, i)).ToDictionary(s => s.symbol, s => length(s.i));
        NodeType Bind(TensorType type) => new(type.DataType, new Shape([.. type.Dimensions.Select(d => d.Symbol is { } symbol ? lengths[symbol] : d.Size)]));
        var expansion = new Expansion(new GraphBuilder(maxNodes) { Cancellation = cancellation }, subgraph);
        expansion.RunWherePossible(source => Bind(DeclaredOf(source)));
        return [.. values.Select(v => expansion.Find(v)?.Type)];
    }

    private static TensorType? Agreed(NodeType? first, NodeType? second, string[] symbols)
    {
        if (first is not { } a || second is not { } b || a.Shape.Rank != b.Shape.Rank)
            return null;
        var dimensions = new Dimension[a.Shape.Rank];
        for (var i = 0; i < dimensions.Length; i++)
        {
            var (x, y) = (a.Shape[i], b.Shape[i]);
            var symbol = (x - FirstLength(0)) / LengthStep;
            var isSymbol = symbol >= 0 && symbol < symbols.Length && (FirstLength((int)symbol), SecondLength((int)symbol)) == (x, y);
            dimensions[i] = x == y ? x : isSymbol ? symbols[symbol] : UnknownLength;
        }

        return new TensorType(a.DataType, dimensions);
    }
}
