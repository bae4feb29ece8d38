using Gradients.Engine.Graph;

namespace Gradients.Engine.Expressions;

/// <summary>Graphs as text: statements, operators and calls of ops; the grammar is in docs/graph-text.md.</summary>
public static class GraphText
{
    /// <summary>Reads a text.</summary>
    /// <param name="bindings">Ids of names, and the inputs with their types.</param>
    /// <param name="result">Id for the value of the last statement; 0: none is asked for.</param>
    /// <exception cref="GradientsException">
    /// EXPRESSION_SYNTAX and LIMIT_EXCEEDED, with <c>line</c> and <c>column</c>; INVALID_FIELD for the bindings.
    /// </exception>
    public static ParsedGraph Parse(string source, IReadOnlyList<TextBinding>? bindings = null, ulong result = 0, TextLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        limits ??= new TextLimits();
        if (source.Length > limits.MaxLength)
            throw new TextPosition(1, 1).OverLimit("max_text_length", limits.MaxLength, source.Length);
        var state = new TextState(limits);
        var scope = new NodeScope(state, function: false);
        var bound = Bind(scope, bindings ?? []);
        var statements = new StatementReader(new TokenReader(Lexer.Read(source)), scope, bound);
        statements.Read();
        foreach (var name in bound.Keys)
        {
            if (!statements.Assigned.Contains(name))
                throw Unbound(name, "has no type and the text does not assign it");
        }

        if (result != 0)
        {
            if (statements.Last.Length != 1)
                throw GradientsException.Invalid(ErrorReasons.InvalidField, "result: the last statement does not give one value.").With("field", "result");
            statements.Last[0] = scope.Rename(statements.Last[0], result);
        }

        var results = Array.ConvertAll(statements.Last, o => scope.IdOf(scope.Output(o)));
        return new ParsedGraph([.. statements.Functions], scope.Finish(), results, state.Positions);
    }

    /// <summary>
    /// The text of a graph, one node a line, values by their ids. It reads back as the same definitions; labels are left out,
    /// and NaN attributes lose their payload.
    /// </summary>
    public static string Print(IReadOnlyList<FunctionSpec> functions, IReadOnlyList<NodeSpec> nodes) => GraphPrinter.Print(functions, nodes);

    private static Dictionary<string, ulong> Bind(NodeScope scope, IReadOnlyList<TextBinding> bindings)
    {
        var assigned = new Dictionary<string, ulong>();
        foreach (var binding in bindings)
        {
            if (!GraphPrinter.IsName(binding.Name))
                throw Unbound(binding.Name, "is no name");
            if (binding.Value == 0)
                throw Unbound(binding.Name, "has no id");
            if (binding.Variable && binding.Type is null)
                throw Unbound(binding.Name, "is a variable without a type");
            if (scope.Names.ContainsKey(binding.Name) || assigned.ContainsKey(binding.Name))
                throw Unbound(binding.Name, "is bound twice");
            if (binding.Type is null)
                assigned.Add(binding.Name, binding.Value);
            else
                scope.Declare(binding);
        }

        return assigned;
    }

    private static GradientsException Unbound(string name, string why) =>
        GradientsException.Invalid(ErrorReasons.InvalidField, $"bindings: '{name}' {why}.").With("field", "bindings");
}
