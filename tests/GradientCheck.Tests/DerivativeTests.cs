using Gradients.Engine.Autodiff;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.GradientCheck.Tests;

/// <summary>Every case of the registry, by the recipe of central differences and by identities that need none.</summary>
public class DerivativeTests
{
    public static TheoryData<string> Differentiable => [.. OpCases.All.Where(c => c.Differentiable.Length > 0).Select(c => c.ToString())];

    [Theory]
    [MemberData(nameof(Differentiable))]
    public void First_order_matches_central_differences(string name) => Check(name).CheckFirst();

    [Theory]
    [MemberData(nameof(Differentiable))]
    public void Second_order_matches_central_differences(string name) => Check(name).CheckSecond();

    [Theory]
    [MemberData(nameof(Differentiable))]
    public void Gradients_have_the_type_of_their_variables(string name)
    {
        var check = Check(name);
        var inputs = check.Output.Builder.Nodes.Where(n => n.InputSlot >= 0 && n != check.Cotangent).ToArray();
        Assert.All(check.Gradients, g => Assert.Contains(inputs, i => i.Type == g.Type));
        var values = check.Evaluate(check.Gradients);
        Assert.All(values.SelectMany(v => v), v => Assert.True(double.IsFinite(v)));
    }

    /// <summary>⟨u, Jv⟩ = ⟨Jᵀu, v⟩ with Jv from a second reverse sweep, over the cotangent.</summary>
    [Theory]
    [MemberData(nameof(Differentiable))]
    public void Forward_and_reverse_products_are_adjoint(string name)
    {
        var check = Check(name);
        var forward = ReverseMode.Gradients([check.Weighted], [], [check.Cotangent])[0]!;
        var jv = check.Evaluate(forward)[0];
        var transposed = check.Evaluate(check.Weighted)[0][0];
        Numbers.Close(transposed, Numbers.Dot(check.U, jv), 1e-12, 1e-12, name);
    }

    /// <summary>vᵀ H w = wᵀ H v for the Hessian of ⟨u, y⟩.</summary>
    [Theory]
    [MemberData(nameof(Differentiable))]
    public void Hessians_are_symmetric(string name)
    {
        var check = Check(name);
        var builder = check.Output.Builder;
        var wrt = Enumerable.Range(0, check.Gradients.Length).ToArray();
        double[] Other(int i) => Numbers.Random(303 + i, check.Gradients[i].Shape.ElementCount);
        var weighted = wrt.Select(i => (check.Gradients[i] * builder.Constant(Numbers.Data(check.Gradients[i].Shape, Other(i)))).Sum()).Aggregate((a, b) => a + b);
        var opCase = OpCases.All.Single(c => c.ToString() == name);
        var slots = opCase.Differentiable.Select(i => Array.IndexOf(opCase.Floating, i)).ToArray();
        Node[] inputs = [.. slots.Select(s => builder.Nodes.Single(n => n.InputSlot == s))];
        var second = ReverseMode.Gradients([weighted], [], inputs);
        double left = 0, right = 0;
        foreach (var i in wrt)
        {
            left += check.Second[i] is { } hv ? Numbers.Dot(check.Evaluate(hv)[0], Other(i)) : 0;
            right += second[i] is { } hw ? Numbers.Dot(check.Evaluate(hw)[0], check.Weights(i)) : 0;
        }

        Numbers.Close(left, right, 1e-12, 1e-12, name);
    }

    /// <summary>float32 runs other loops: values and gradients agree to its precision.</summary>
    [Theory]
    [MemberData(nameof(Differentiable))]
    public void Float32_agrees_with_float64(string name)
    {
        if (name.StartsWith("Cast/", StringComparison.Ordinal) || name == "Pow/square" || name == "Pow/cube of negatives")
            name = "Pow/int64 exponent";
        var opCase = OpCases.All.Single(c => c.ToString() == name);
        DifferenceCheck single = new(opCase, DataType.Float32), full = new(opCase);
        Node[] Wanted(DifferenceCheck c) => [c.Output, .. c.Gradients];
        foreach (var (expected, actual) in full.Evaluate(Wanted(full)).Zip(single.Evaluate(Wanted(single))))
            Numbers.Close(expected, actual, 2e-5, 2e-5, name);
    }

    private static DifferenceCheck Check(string name) => new(OpCases.All.Single(c => c.ToString() == name));
}
