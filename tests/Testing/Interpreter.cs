using Gradients.Engine.Graph;

namespace Gradients.Testing;

/// <summary>
/// The plain reference: evaluates nodes one by one in the order of the graph, without plan, fusion or arena.
/// </summary>
public static class Interpreter
{
    /// <summary>The values of some nodes, with inputs bound by slot.</summary>
    /// <param name="visit">Sees every node that is evaluated, its inputs' values and its own.</param>
    public static ConstantData[] Evaluate(IReadOnlyList<Node> wanted, IReadOnlyList<ConstantData> inputs, Action<Node, ConstantData[], ConstantData>? visit = null)
    {
        if (wanted.Count == 0)
            return [];
        var nodes = wanted[0].Builder.Nodes;
        var needed = new bool[wanted.Max(n => n.Index) + 1];
        foreach (var node in wanted)
            needed[node.Index] = true;
        for (var i = needed.Length - 1; i >= 0; i--)
        {
            if (!needed[i])
                continue;
            foreach (var input in nodes[i].Inputs)
                needed[input.Index] = true;
        }

        var values = new ConstantData?[needed.Length];
        for (var i = 0; i < needed.Length; i++)
        {
            if (!needed[i])
                continue;
            var node = nodes[i];
            values[i] = node.Constant ?? (node.InputSlot >= 0 ? inputs[node.InputSlot] : null);
            if (values[i] is not null)
                continue;
            var operands = Array.ConvertAll(node.Inputs, n => values[n.Index]!);
            var value = ConstantFolding.Evaluate(node, operands);
            visit?.Invoke(node, operands, value);
            values[i] = value;
        }

        return [.. wanted.Select(n => values[n.Index]!)];
    }

    /// <summary>The value of one node.</summary>
    public static ConstantData Evaluate(Node wanted, params IReadOnlyList<ConstantData> inputs) => Evaluate([wanted], inputs)[0];
}
