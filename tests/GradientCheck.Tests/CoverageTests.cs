using Gradients.Engine.Autodiff;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.GradientCheck.Tests;

/// <summary>The catalog and the registry of cases know the same ops, but for those that clients compute.</summary>
public class CoverageTests
{
    [Fact]
    public void Every_op_of_the_catalog_has_a_case()
    {
        var cases = OpCases.All.Select(c => c.Op).ToHashSet();
        Assert.Empty(OpCatalog.All.Where(op => op.Kind is not (OpKind.Structural or OpKind.Callout) && !cases.Contains(op.Name)).Select(op => op.Name));
    }

    [Fact]
    public void Every_differentiable_input_is_checked()
    {
        var missing = from op in OpCatalog.All
                      where op.Kind is not (OpKind.Structural or OpKind.Callout)
                      from i in Enumerable.Range(0, op.Schema.Inputs.Length)
                      where op.Schema.Inputs[i].Differentiability == Differentiability.Differentiable
                      where !OpCases.All.Any(c => c.Op == op.Name && c.Differentiable.Contains(i))
                      select $"{op.Name}.{op.Schema.Inputs[i].Name}";
        Assert.Empty(missing);
    }

    [Fact]
    public void Names_are_unique() =>
        Assert.Equal(OpCases.All.Length, OpCases.All.Select(c => c.ToString()).Distinct().Count());

    /// <summary>
    /// Differentiates three times; every primitive that has a rule, also those that only rules create, is among the
    /// nodes that are differentiated.
    /// </summary>
    [Fact]
    public void Every_rules_output_can_be_differentiated()
    {
        var differentiated = new HashSet<PrimitiveOp>();
        foreach (var opCase in OpCases.All.Where(c => c.Differentiable.Length > 0))
        {
            var check = new DifferenceCheck(opCase);
            foreach (var node in check.Output.Builder.Nodes)
            {
                if (node.Op is { } op)
                    differentiated.Add(op);
            }

            var inputs = check.Output.Builder.Nodes.Where(n => n.InputSlot >= 0).ToArray();
            Node[] second = [.. check.Second.OfType<Node>()];
            if (second.Length > 0)
                ReverseMode.Gradients(second, [.. second.Select(g => g.Number(1).BroadcastTo(g.Shape))], inputs);
        }

        // Outputs of functions with custom gradients are made by calls; their rule is the function.
        var primitives = OpCatalog.All.OfType<PrimitiveOp>().Concat(OpCatalog.Internal).Where(op => op is not CustomCallOutput && op.Schema.Differentiable);
        Assert.Empty(primitives.Where(op => !differentiated.Contains(op)).Select(op => op.Name));
    }

    [Fact]
    public void Blocked_ops_give_an_absent_gradient()
    {
        foreach (var opCase in OpCases.All.Where(c => c.Differentiable.Length == 0))
        {
            var builder = new GraphBuilder();
            var (output, inputs) = opCase.Build(builder, DataType.Float64);
            var root = output.Cast(DataType.Float64).Sum();
            Assert.All(ReverseMode.Gradients([root], [], [.. inputs.OfType<Node>().Where(n => n.DataType.IsFloating())]), Assert.Null);
        }
    }
}
