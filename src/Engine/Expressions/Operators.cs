namespace Gradients.Engine.Expressions;

/// <summary>Operators in Python's order of precedence, and the nodes that they stand for.</summary>
internal static class Operators
{
    public const int Comparison = 1;
    public const int Unary = 6;
    public const int Power = 7;

    private static readonly Operand True = new(default, Literal: true);
    private static readonly Operand False = new(default, Literal: false);

    /// <summary>0 for what is no operator of two operands.</summary>
    public static int Precedence(Token token) => token.Kind != TokenKind.Symbol ? 0 : token.Text switch
    {
        "==" or "!=" or "<" or ">" or "<=" or ">=" => Comparison,
        "|" => 2,
        "&" => 3,
        "+" or "-" => 4,
        "*" or "/" or "@" => 5,
        "**" => Power,
        _ => 0,
    };

    public static Operand Apply(NodeScope scope, string symbol, Operand a)
    {
        if (symbol != "~" && a.Literal is NumberLiteral number)
            return a with { Literal = symbol == "-" ? number.Negated : number };
        return symbol switch
        {
            "-" => scope.Add("Neg", [a], a.At),
            "~" => scope.Add("Equal", [a, False], a.At),
            _ => a,
        };
    }

    public static Operand Apply(NodeScope scope, string symbol, Operand a, Operand b)
    {
        if (a.Literal is NumberLiteral x && b.Literal is NumberLiteral y && Literals.Fold(symbol, x, y) is { } folded)
            return new Operand(a.At, Literal: folded);
        Operand Node(string op, params Operand[] inputs) => scope.Add(op, inputs, a.At);
        return symbol switch
        {
            "+" => Node("Add", a, b),
            "-" => Node("Sub", a, b),
            "*" => Node("Mul", a, b),
            "/" => Node("Div", a, b),
            "@" => Node("MatMul", a, b),
            "**" => Node("Pow", a, b),
            "==" => Node("Equal", a, b),
            "!=" => Node("Equal", Node("Equal", a, b), False),
            "<" => Node("Less", a, b),
            ">" => Node("Greater", a, b),
            // Not ~(a > b): comparisons with NaN are false.
            "<=" => Node("Where", Node("Less", a, b), True, Node("Equal", a, b)),
            ">=" => Node("Where", Node("Greater", a, b), True, Node("Equal", a, b)),
            "&" => Node("Where", a, b, False),
            _ => Node("Where", a, True, b),
        };
    }
}
