using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Testing;

/// <summary>How the elements of a case's input are drawn.</summary>
public enum Domain
{
    /// <summary>[−2, 2].</summary>
    Real,

    /// <summary>[0.3, 2.5]: away from poles at 0.</summary>
    Positive,

    /// <summary>±[0.3, 2]: away from kinks at 0.</summary>
    Nonzero,

    /// <summary>Multiples of 0.07 plus 0.03 within (−2, 2), no two alike in a case of up to 56 elements: away from ties and bounds.</summary>
    Distinct,

    /// <summary>About −0.98, between the distinct values.</summary>
    Low,

    /// <summary>About 0.98, between the distinct values.</summary>
    High,

    /// <summary>[0.05, 0.95].</summary>
    Unit,
}

/// <summary>An input of a case: floating elements drawn from a domain, or given int64 or bool elements.</summary>
public sealed record CaseInput(Shape Shape, Domain Domain = Domain.Real, ConstantData? Given = null);

/// <summary>An op applied to inputs of given shapes, away from where it is not smooth.</summary>
/// <param name="Op">The op's name.</param>
/// <param name="Name">Tells the op's cases apart.</param>
/// <param name="Inputs">Null where an optional input is omitted.</param>
/// <param name="Attributes">The node's attributes.</param>
/// <param name="Multilinear">Linear in each element alone, so that differences of step 1 are exact.</param>
public sealed record OpCase(string Op, string Name, CaseInput?[] Inputs, Attributes Attributes, bool Multilinear = false)
{
    public override string ToString() => $"{Op}/{Name}";

    /// <summary>The positions of floating inputs.</summary>
    public int[] Floating => [.. Enumerable.Range(0, Inputs.Length).Where(i => Inputs[i] is { Given: null })];

    /// <summary>The positions that the schema calls differentiable.</summary>
    public int[] Differentiable => [.. Floating.Where(i => OpCatalog.Find(Op)!.Schema.Input(i)!.Differentiability == Differentiability.Differentiable)];

    /// <summary>The elements of the floating inputs, the same each time.</summary>
    public double[][] Draw()
    {
        var random = new Random(17);
        var grid = Enumerable.Range(0, 56).Select(i => ((i - 28) * 0.07) + 0.03).ToArray();
        random.Shuffle(grid);
        var next = 0;
        double Element(Domain domain) => domain switch
        {
            Domain.Positive => 0.3 + (2.2 * random.NextDouble()),
            Domain.Nonzero => (0.3 + (1.7 * random.NextDouble())) * (random.Next(2) == 0 ? 1 : -1),
            Domain.Distinct => grid[next++],
            Domain.Low => -0.985,
            Domain.High => 0.975,
            Domain.Unit => 0.05 + (0.9 * random.NextDouble()),
            _ => -2 + (4 * random.NextDouble()),
        };
        return [.. Floating.Select(i => Enumerable.Range(0, (int)Inputs[i]!.Shape.ElementCount).Select(_ => Element(Inputs[i]!.Domain)).ToArray())];
    }

    /// <summary>Adds the op; floating inputs are bound to slots in their order.</summary>
    public (Node Output, Node?[] Inputs) Build(GraphBuilder builder, DataType type)
    {
        var slot = 0;
        var inputs = Array.ConvertAll(Inputs, i => i is null ? null : i.Given is { } given ? builder.Constant(given) : builder.Input(type, i.Shape, slot++));
        return (builder.Add(OpCatalog.Find(Op)!, Attributes, inputs), inputs);
    }
}
