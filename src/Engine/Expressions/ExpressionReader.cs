using Gradients.Engine.Tensors;

namespace Gradients.Engine.Expressions;

/// <summary>
/// Reads one expression by operator precedence. Brackets and operators that wait are on stacks of our own, so that depth is a
/// count and not a matter of the thread's stack.
/// </summary>
internal sealed class ExpressionReader(TokenReader tokens, NodeScope scope)
{
    private enum Bracket
    {
        None,
        Group,
        List,
        Call,
        Index,
    }

    private readonly Stack<Operand> _operands = new();
    private readonly Stack<(string Symbol, int Precedence, TextPosition At)> _operators = new();
    private readonly Stack<Frame> _frames = new();

    public Operand Read()
    {
        Open(Bracket.None);
        while (true)
        {
            if (!ReadOperand())
                continue;
            while (_frames.Peek().Bracket != Bracket.None && TryClose())
            {
            }

            if (tokens.Current.Is("["))
            {
                Open(Bracket.Index);
                tokens.Take();
            }
            else if (Operators.Precedence(tokens.Current) is > 0 and var precedence)
            {
                PushBinary(precedence);
            }
            else if (_frames.Peek().Bracket == Bracket.None)
            {
                Reduce(0);
                return _operands.Pop();
            }
            else
            {
                Separate();
            }
        }
    }

    /// <summary>Takes what stands where an operand may begin; true once there is an operand.</summary>
    private bool ReadOperand()
    {
        var token = tokens.Current;
        var frame = _frames.Peek();
        if (frame.Bracket == Bracket.Index && _operators.Count == frame.Operators && (token.Is(":") || token.Is(",") || token.Is("]")))
        {
            _operands.Push(new Operand(token.At));
            return true;
        }

        // A list or call may be empty, or end with a comma.
        if (_operators.Count == frame.Operators && ((frame.Bracket == Bracket.List && token.Is("]")) || (frame.Bracket == Bracket.Call && frame.Name is null && token.Is(")"))))
        {
            Close(frame);
            return true;
        }

        if (token.Is("(") || token.Is("["))
        {
            Open(token.Is("(") ? Bracket.Group : Bracket.List);
            tokens.Take();
            return false;
        }

        if (token.Is("-") || token.Is("+") || token.Is("~"))
        {
            Push(token.Text, Operators.Unary, token.At, unary: true);
            tokens.Take();
            return false;
        }

        if (token.Kind is TokenKind.Name or TokenKind.Text && tokens.Following.Is("("))
        {
            Open(Bracket.Call, token.Text, token.Kind == TokenKind.Text);
            tokens.Take();
            tokens.Take();
            return false;
        }

        if (frame.Bracket == Bracket.Call && frame.Name is null && _operators.Count == frame.Operators && token.Kind == TokenKind.Name && tokens.Following.Is("="))
        {
            frame.Name = tokens.Take().Text;
            tokens.Take();
            return false;
        }

        _operands.Push(Primary(token));
        return true;
    }

    private Operand Primary(Token token)
    {
        if (token.Kind == TokenKind.Name && Literals.Types.ContainsKey(token.Text))
            return Literals.Typed(tokens);
        if (scope.Names.TryGetValue(token.Text, out var known) && token.Kind is TokenKind.Name or TokenKind.Id)
        {
            tokens.Take();
            return known with { At = token.At };
        }

        var operand = token switch
        {
            { Kind: TokenKind.Text } => new Operand(token.At, Literal: token.Text),
            { Kind: TokenKind.Name, Text: "none" } => new Operand(token.At),
            // An id that the text does not assign is looked up in the session.
            { Kind: TokenKind.Id } when !scope.IsFunction && token.Text != "$0" => new Operand(token.At, ulong.Parse(token.Text.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture)),
            _ when Literals.Word(token) is { } literal => new Operand(token.At, Literal: literal),
            { Kind: TokenKind.Name or TokenKind.Id } => throw token.At.Fault($"'{token.Text}' is not defined."),
            _ => throw token.At.Fault($"a value is expected before {token}."),
        };
        tokens.Take();
        return operand;
    }

    private void Open(Bracket bracket, string callee = "", bool quoted = false)
    {
        CheckDepth();
        _frames.Push(new Frame(bracket, tokens.Current.At, _operators.Count, callee, quoted));
    }

    private void Push(string symbol, int precedence, TextPosition at, bool unary)
    {
        CheckDepth();
        _operators.Push((unary ? "u" + symbol : symbol, precedence, at));
    }

    private void CheckDepth()
    {
        if (_frames.Count + _operators.Count >= scope.State.Limits.MaxDepth)
            throw tokens.Current.At.OverLimit("max_text_depth", scope.State.Limits.MaxDepth, _frames.Count + _operators.Count + 1);
    }

    private void PushBinary(int precedence)
    {
        // Power groups from the right.
        Reduce(precedence == Operators.Power ? precedence + 1 : precedence, tokens.Current.At);
        Push(tokens.Current.Text, precedence, tokens.Current.At, unary: false);
        tokens.Take();
    }

    /// <summary>Applies operators of this bracket that bind at least so tightly.</summary>
    private void Reduce(int precedence, TextPosition? comparison = null)
    {
        while (_operators.Count > _frames.Peek().Operators && _operators.Peek().Precedence >= precedence)
        {
            var (symbol, own, at) = _operators.Pop();
            if (comparison is { } again && own == Operators.Comparison && precedence == Operators.Comparison)
                throw again.Fault("comparisons do not chain; use &.");
            var right = _operands.Pop();
            if (symbol[0] == 'u')
                _operands.Push(Operators.Apply(scope, symbol[1..], right) with { At = at });
            else
                _operands.Push(Operators.Apply(scope, symbol, _operands.Pop(), right));
        }
    }

    /// <summary>Ends an argument, element or bound within brackets.</summary>
    private void Separate()
    {
        var frame = _frames.Peek();
        var token = tokens.Current;
        var colon = frame.Bracket == Bracket.Index && token.Is(":");
        if (frame.Bracket == Bracket.Group || !(colon || token.Is(",")))
            throw token.At.Fault($"'{(frame.Bracket is Bracket.Group or Bracket.Call ? ")" : "]")}' is expected before {token}; the bracket opens at {frame.At}.");
        EndItem(frame, endAxis: !colon);
        tokens.Take();
    }

    private bool TryClose()
    {
        var frame = _frames.Peek();
        if (!tokens.Current.Is(frame.Bracket is Bracket.Group or Bracket.Call ? ")" : "]"))
            return false;
        if (frame.Bracket == Bracket.Group)
            Reduce(0);
        else
            EndItem(frame, endAxis: true);
        Close(frame);
        return true;
    }

    private void EndItem(Frame frame, bool endAxis)
    {
        Reduce(0);
        var operand = _operands.Pop();
        if (frame.Name is { } name)
            frame.Named.Add((name, operand));
        else if (frame.Named.Count > 0)
            throw operand.At.Fault("inputs stand before named arguments.");
        else
            frame.Items.Add(operand);
        frame.Name = null;
        if (frame.Bracket != Bracket.Index || !endAxis)
            return;
        frame.Axes.Add([.. frame.Items]);
        frame.Items.Clear();
    }

    private void Close(Frame frame)
    {
        tokens.Take();
        _frames.Pop();
        _operands.Push(frame.Bracket switch
        {
            Bracket.Group => _operands.Pop() with { At = frame.At },
            Bracket.List => new Operand(frame.At, Literal: List(frame.Items)),
            Bracket.Index => Calls.Index(scope, _operands.Pop(), frame.Axes, frame.At),
            _ => Calls.Call(scope, frame.Callee, frame.Quoted, frame.Items, frame.Named, frame.At),
        });
    }

    private static object List(List<Operand> items) => items.Count > 0 && items.TrueForAll(i => i.Literal is TensorType)
        ? items.Select(i => (TensorType)i.Literal!).ToArray()
        : items.Select(i => i.Literal as NumberLiteral? ?? throw i.At.Fault("a list holds numbers or types; Concat joins values.")).ToArray();

    private sealed class Frame(Bracket bracket, TextPosition at, int operators, string callee, bool quoted)
    {
        public Bracket Bracket => bracket;

        public TextPosition At => at;

        /// <summary>How many operators wait outside.</summary>
        public int Operators => operators;

        public string Callee => callee;

        public bool Quoted => quoted;

        public string? Name { get; set; }

        public List<Operand> Items { get; } = [];

        public List<(string, Operand)> Named { get; } = [];

        public List<Operand[]> Axes { get; } = [];
    }
}
