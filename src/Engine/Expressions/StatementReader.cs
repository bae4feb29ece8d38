using System.Globalization;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Expressions;

/// <summary>Statements of the text or of one function's body; functions do not nest.</summary>
/// <param name="bound">Ids of names, outside functions.</param>
internal sealed class StatementReader(TokenReader tokens, NodeScope scope, IReadOnlyDictionary<string, ulong> bound)
{
    private readonly HashSet<string> _assigned = [];

    public List<FunctionSpec> Functions { get; } = [];

    /// <summary>What the last statement gave.</summary>
    public Operand[] Last { get; private set; } = [];

    public IReadOnlySet<string> Assigned => _assigned;

    public void Read()
    {
        for (tokens.SkipLines(); tokens.Current.Kind != TokenKind.End && !(scope.IsFunction && tokens.Current.Is("}")); tokens.SkipLines())
        {
            var at = tokens.Current.At;
            try
            {
                if (ReadStatement())
                    break;
            }
            catch (GradientsException e)
            {
                throw at.Locate(e);
            }

            if (tokens.Current.Kind is not (TokenKind.NewLine or TokenKind.End) && !(scope.IsFunction && tokens.Current.Is("}")))
                throw tokens.Current.At.Fault($"an operator or the end of the statement is expected before {tokens.Current}.");
        }

        tokens.SkipLines();
        if (!scope.IsFunction && tokens.Current.Kind != TokenKind.End)
            throw tokens.Current.At.Fault("nothing follows return.");
    }

    /// <summary>True after return.</summary>
    private bool ReadStatement()
    {
        if (tokens.Current.IsName("return"))
        {
            tokens.Take();
            var values = new List<Operand>();
            do
                values.Add(Expression());
            while (tokens.TryTake(","));
            Last = [.. values];
            return true;
        }

        if (tokens.Current.IsName("def") && tokens.Following.Kind is TokenKind.Name or TokenKind.Text)
        {
            if (scope.IsFunction)
                throw tokens.Current.At.Fault("functions do not nest.");
            ReadFunction();
            return false;
        }

        var targets = Targets();
        var value = Expression();
        Last = targets.Count > 1 ? scope.Split(value, targets.Count) : [value];
        for (var i = 0; i < targets.Count; i++)
            Last[i] = Assign(targets[i], Last[i]);
        return false;
    }

    private Operand Expression() => new ExpressionReader(tokens, scope).Read();

    /// <summary>The names before =, if it is an assignment.</summary>
    private List<Token> Targets()
    {
        var count = 0;
        while (tokens.Ahead(2 * count).Kind is TokenKind.Name or TokenKind.Id && tokens.Ahead((2 * count) + 1).Is(","))
            count++;
        var targets = new List<Token>();
        if (tokens.Ahead(2 * count).Kind is not (TokenKind.Name or TokenKind.Id) || !tokens.Ahead((2 * count) + 1).Is("="))
            return targets;
        for (; count >= 0; count--)
        {
            targets.Add(tokens.Take());
            tokens.Take();
        }

        return targets;
    }

    private Operand Assign(Token target, Operand value)
    {
        if (Reserved.Contains(target.Text))
            throw target.At.Fault($"'{target.Text}' cannot be assigned.");
        var explicitId = target.Kind == TokenKind.Id ? ulong.Parse(target.Text.AsSpan(1), CultureInfo.InvariantCulture) : bound.GetValueOrDefault(target.Text);
        if (target.Kind == TokenKind.Id || explicitId != 0)
        {
            if (explicitId == 0 || !_assigned.Add(target.Text) || scope.Names.ContainsKey(target.Text))
                throw target.At.Fault($"'{target.Text}' has an id and is defined once.");
            value = scope.Rename(value, explicitId);
        }

        scope.Names[target.Text] = value;
        return value;
    }

    private void ReadFunction()
    {
        tokens.Take();
        var name = tokens.Take();
        if (name.Kind == TokenKind.Name && Reserved.Contains(name.Text))
            throw name.At.Fault($"'{name.Text}' cannot name a function.");
        var inner = new NodeScope(scope.State, function: true);
        var parameters = Parameters(inner);
        Token? gradient = null;
        var saved = new List<Token>();
        if (tokens.Current.IsName("gradient"))
        {
            tokens.Take();
            gradient = tokens.Current.Kind is TokenKind.Name or TokenKind.Text ? tokens.Take() : throw tokens.Current.At.Fault("the name of the gradient function is expected.");
            tokens.Expect("(");
            while (!tokens.TryTake(")"))
            {
                if (saved.Count > 0)
                    tokens.Expect(",");
                saved.Add(tokens.Take());
            }
        }

        tokens.SkipLines();
        tokens.Expect("{");
        var body = new StatementReader(tokens, inner, new Dictionary<string, ulong>());
        body.Read();
        tokens.Expect("}");
        if (body.Last.Length == 0)
            throw name.At.Fault("a function returns at least one value.");
        var outputs = Array.ConvertAll(body.Last, inner.Output);
        var kept = gradient is null ? null : saved.Select(s => inner.Names.TryGetValue(s.Text, out var v) && v.Value != 0 ? inner.IdOf(v.Value) : throw s.At.Fault($"{s} is no value of the function.")).ToArray();
        Functions.Add(new FunctionSpec(name.Text, parameters, inner.Finish(), Array.ConvertAll(outputs, inner.IdOf), gradient?.Text, kept));
        scope.State.Functions.Add(name.Text);
    }

    private ulong[] Parameters(NodeScope inner)
    {
        var ids = new List<ulong>();
        tokens.Expect("(");
        while (!tokens.TryTake(")"))
        {
            if (ids.Count > 0)
                tokens.Expect(",");
            var token = tokens.Take();
            if (token.Kind is not (TokenKind.Name or TokenKind.Id) || Reserved.Contains(token.Text))
                throw token.At.Fault($"a parameter is a name, not {token}.");
            scope.State.CountNode(token.At);
            ids.Add(token.Kind == TokenKind.Id ? ulong.Parse(token.Text.AsSpan(1), CultureInfo.InvariantCulture) : scope.State.NextId());
            DataType? type = !tokens.TryTake(":") ? null
                : Literals.Types.TryGetValue(tokens.Current.Text, out var known) && tokens.Take().Kind == TokenKind.Name ? known
                : throw tokens.Current.At.Fault("an element type is expected.");
            if (!inner.Names.TryAdd(token.Text, new Operand(token.At, ids[^1], type)))
                throw token.At.Fault($"'{token.Text}' is a parameter already.");
        }

        return [.. ids];
    }

    /// <summary>Words that name no value.</summary>
    internal static readonly HashSet<string> Reserved = ["def", "return", "gradient", "none", "true", "false", "nan", "inf", .. Literals.Types.Keys];
}
