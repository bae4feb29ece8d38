using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Expressions;

/// <summary>Calls of ops and functions, and indexing.</summary>
internal static class Calls
{
    /// <param name="quoted">The name is taken as it stands.</param>
    public static Operand Call(NodeScope scope, string name, bool quoted, IReadOnlyList<Operand> arguments, IReadOnlyList<(string Name, Operand Value)> named, TextPosition at)
    {
        if (!quoted && Literals.Types.TryGetValue(name, out var type))
            return Convert(scope, type, arguments, named, at);
        var entry = quoted || scope.State.Functions.Contains(name) ? null : ShortNames.All.GetValueOrDefault(name);
        var op = entry?.Op ?? name;
        var schema = OpCatalog.Find(op)?.Schema;
        var inputs = arguments.ToList();
        var attributes = new List<(string, object)>();
        foreach (var (given, value) in named)
        {
            var key = entry is { Reduction: true } && given == "axis" ? "axes" : given;
            var attribute = schema?.Attributes.FirstOrDefault(a => a.Name == key);
            var input = attribute is null && schema is not null ? Array.FindIndex(schema.Inputs, i => i.Name == key) : -1;
            if (input < 0)
            {
                attributes.Add((key, AttributeValue(value, attribute?.Type, key)));
                continue;
            }

            while (inputs.Count <= input)
                inputs.Add(new Operand(value.At));
            if (!inputs[input].IsNone)
                throw value.At.Fault($"the input '{key}' is given twice.");
            inputs[input] = value;
        }

        if (entry is { Reduction: true } && !attributes.Exists(a => a.Item1 == "keepdims"))
            attributes.Add(("keepdims", 0L));
        return scope.Add(op, [.. inputs], at, [.. attributes]);
    }

    /// <summary><c>x[1:3, ::-1, 0]</c>: Slice, then Squeeze of the axes that have an index.</summary>
    public static Operand Index(NodeScope scope, Operand x, IReadOnlyList<Operand[]> axes, TextPosition at)
    {
        List<NumberLiteral> starts = [], ends = [], along = [], steps = [], gone = [];
        for (var axis = 0; axis < axes.Count; axis++)
        {
            var part = axes[axis];
            if (part.Length > 3 || (part.Length == 1 && part[0].IsNone))
                throw at.Fault("an axis has an index or start:end:step.");
            var first = Bound(part[0]);
            var step = part.Length > 2 ? Bound(part[2]) ?? 1 : 1;
            if (part.Length == 1)
                gone.Add(NumberLiteral.Of(axis));
            long? end = part.Length == 1 ? (first == -1 ? long.MaxValue : first + 1) : Bound(part[1]);
            starts.Add(NumberLiteral.Of(first ?? (step < 0 ? long.MaxValue : 0)));
            ends.Add(NumberLiteral.Of(end ?? (step < 0 ? long.MinValue : long.MaxValue)));
            along.Add(NumberLiteral.Of(axis));
            steps.Add(NumberLiteral.Of(step));
        }

        Operand List(List<NumberLiteral> values) => new(at, Literal: values.ToArray());
        var sliced = scope.Add("Slice", [x, List(starts), List(ends), List(along), List(steps)], x.At);
        return gone.Count == 0 ? sliced : scope.Add("Squeeze", [sliced, List(gone)], x.At);
    }

    private static long? Bound(Operand operand) => operand.IsNone ? null
        : operand.Literal is NumberLiteral { Int64: { } value } && value is < long.MaxValue and > long.MinValue ? value
        : throw operand.At.Fault("an index is a whole number.");

    private static Operand Convert(NodeScope scope, DataType type, IReadOnlyList<Operand> arguments, IReadOnlyList<(string, Operand)> named, TextPosition at)
    {
        if (arguments.Count != 1 || named.Count != 0)
            throw at.Fault($"{type.Name()}(x) has one argument.");
        return arguments[0].Literal switch
        {
            NumberLiteral number => new Operand(at, Literal: Literals.Constant(type, Shape.Scalar, [number], at)),
            NumberLiteral[] list => new Operand(at, Literal: Literals.Constant(type, new Shape(list.Length), [.. list.Cast<object>()], at)),
            _ => scope.Add("Cast", [arguments[0]], at, ("to", type)),
        };
    }

    private static object AttributeValue(Operand operand, Type? wanted, string name)
    {
        switch (operand.Literal)
        {
            case NumberLiteral { Whole: null } number:
                return wanted == typeof(double[]) ? new[] { number.Real } : number.Real;
            case NumberLiteral number:
                var whole = number.Int64 ?? throw operand.At.Fault("the number is no int64.");
                return wanted == typeof(long[]) || wanted == typeof(double[]) ? new[] { whole } : whole;
            case NumberLiteral[] list:
                return list.All(n => n.Int64 is not null) && (list.Length > 0 || wanted != typeof(double[]))
                    ? Array.ConvertAll(list, n => n.Int64!.Value)
                    : Array.ConvertAll(list, n => n.Real);
            case null:
                throw operand.At.Fault($"the attribute '{name}' is a literal, not a value of the graph.");
            default:
                return operand.Literal;
        }
    }
}
