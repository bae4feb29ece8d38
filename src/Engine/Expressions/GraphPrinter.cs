using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Expressions;

internal static class GraphPrinter
{
    public static string Print(IReadOnlyList<FunctionSpec> functions, IReadOnlyList<NodeSpec> nodes)
    {
        var text = new StringBuilder();
        foreach (var function in functions)
        {
            text.Append("def ").Append(Name(function.Name)).Append('(').AppendJoin(", ", function.Parameters.Select(Id)).Append(')');
            if (!string.IsNullOrEmpty(function.Gradient))
                text.Append(" gradient ").Append(Name(function.Gradient)).Append('(').AppendJoin(", ", (function.Saved ?? []).Select(Id)).Append(')');
            text.Append(" {\n");
            foreach (var node in function.Nodes)
                Append(text.Append("  "), node);
            text.Append("  return ").AppendJoin(", ", function.Outputs.Select(Id)).Append("\n}\n");
        }

        foreach (var node in nodes)
            Append(text, node);
        return text.ToString();
    }

    /// <summary>Whether a name can stand unquoted.</summary>
    public static bool IsName(string name) =>
        name.Length > 0 && !StatementReader.Reserved.Contains(name) && (char.IsLetter(name[0]) || name[0] == '_') && name.All(c => char.IsLetterOrDigit(c) || c == '_');

    private static void Append(StringBuilder text, NodeSpec node)
    {
        var arguments = node.Inputs.Select(Id).Concat(node.Attributes.Entries.Select(a => $"{a.Name}={Value(a.Value)}"));
        text.AppendJoin(", ", node.AdditionalOutputs.Prepend(node.Id).Select(Id)).Append(" = ").Append(Name(node.Op)).Append('(').AppendJoin(", ", arguments).Append(")\n");
    }

    private static string Id(ulong id) => id == 0 ? "none" : string.Create(CultureInfo.InvariantCulture, $"${id}");

    private static string Name(string name) => IsName(name) && !ShortNames.All.ContainsKey(name) ? name : Quoted(name);

    private static string Value(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        long whole => whole.ToString(CultureInfo.InvariantCulture),
        double real => Real(real),
        string text => Quoted(text),
        ImmutableArray<long> list => $"[{string.Join(", ", list.Select(v => v.ToString(CultureInfo.InvariantCulture)))}]",
        ImmutableArray<double> list => $"[{string.Join(", ", list.Select(Real))}]",
        DataType type => type.Name(),
        TensorType type => Type(type),
        ImmutableArray<TensorType> list => $"[{string.Join(", ", list.Select(Type))}]",
        ConstantData data => Tensor(data),
        _ => throw new InvalidOperationException($"No text for {value.GetType()}."),
    };

    private static string Type(TensorType type) =>
        $"{type.DataType.Name()}[{string.Join(", ", type.Dimensions.Select(d => d.Symbol is { } s ? Symbol(s) : d.Size.ToString(CultureInfo.InvariantCulture)))}]";

    private static string Symbol(string symbol) => IsName(symbol) ? symbol : Quoted(symbol);

    /// <summary>The shortest text of the same double, marked as no whole number.</summary>
    private static string Real(double value)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().IndexOfAny(".E") < 0 ? text + ".0" : text;
    }

    private static string Tensor(ConstantData data)
    {
        var head = $"{data.DataType.Name()}[{string.Join(", ", data.Shape.Dimensions.ToArray())}]";
        IEnumerable<string>? elements = data.DataType switch
        {
            DataType.Float32 when data.As<float>().ToArray().All(float.IsFinite) => data.As<float>().ToArray().Select(v => v.ToString("R", CultureInfo.InvariantCulture)),
            DataType.Float64 when data.As<double>().ToArray().All(double.IsFinite) => data.As<double>().ToArray().Select(Real),
            DataType.Int64 => data.As<long>().ToArray().Select(v => v.ToString(CultureInfo.InvariantCulture)),
            DataType.Bool => data.Bytes.ToArray().Select(v => v != 0 ? "true" : "false"),
            // Payloads of NaN are kept.
            _ => null,
        };
        return elements is null ? $"{head}\"{Convert.ToHexStringLower(data.Bytes)}\"" : $"{head}{{{string.Join(", ", elements)}}}";
    }

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
            _ = c is '"' or '\\' ? quoted.Append('\\').Append(c) : c < ' ' ? quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}") : quoted.Append(c);
        return quoted.Append('"').ToString();
    }
}
