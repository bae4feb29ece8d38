using System.Globalization;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Expressions;

/// <summary>Numbers, types and tensors as text: <c>1e-3</c>, <c>float32[batch, 3]</c>, <c>int64[2]{4, -1}</c>.</summary>
internal static class Literals
{
    public static readonly Dictionary<string, DataType> Types = DataTypes.All.ToDictionary(t => t.Name());

    public static NumberLiteral Number(Token token)
    {
        if (token.Text.All(char.IsAsciiDigit) && Int128.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole))
            return NumberLiteral.Of(whole);
        var real = double.Parse(token.Text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(real) ? new NumberLiteral(real) : throw token.At.Fault($"'{token.Text}' is no finite number; infinity is written inf.");
    }

    /// <summary>Arithmetic of two numbers; null when it has no such operator.</summary>
    public static NumberLiteral? Fold(string symbol, NumberLiteral a, NumberLiteral b)
    {
        double? real = symbol switch
        {
            "+" => a.Real + b.Real,
            "-" => a.Real - b.Real,
            "*" => a.Real * b.Real,
            "/" => a.Real / b.Real,
            "**" => Math.Pow(a.Real, b.Real),
            _ => null,
        };
        if (a.Int64 is not { } x || b.Int64 is not { } y || symbol is not ("+" or "-" or "*"))
            return real is { } r ? new NumberLiteral(r) : null;
        return NumberLiteral.Of(symbol switch { "+" => (Int128)x + y, "-" => (Int128)x - y, _ => (Int128)x * y });
    }

    /// <summary>A type name, a declared type <c>name[…]</c>, or a tensor <c>name[…]{…}</c> or <c>name[…]"hexadecimal bytes"</c>.</summary>
    public static Operand Typed(TokenReader tokens)
    {
        var name = tokens.Take();
        var type = Types[name.Text];
        if (!tokens.TryTake("["))
            return new Operand(name.At, Literal: type);
        var dimensions = new List<Dimension>();
        while (!tokens.Current.Is("]"))
        {
            if (dimensions.Count > 0)
                tokens.Expect(",");
            if (dimensions.Count == Shape.MaxRank)
                throw tokens.Current.At.Fault($"a type has at most {Shape.MaxRank} dimensions.");
            dimensions.Add(DimensionOf(tokens.Take()));
        }

        tokens.Take();
        var declared = new TensorType(type, [.. dimensions]);
        if (!tokens.Current.Is("{") && tokens.Current.Kind != TokenKind.Text)
            return new Operand(name.At, Literal: declared);
        var shape = declared.Shape ?? throw name.At.Fault("the dimensions of a tensor are numbers.");
        var content = tokens.Current.Kind == TokenKind.Text ? Bytes(tokens.Take(), type) : null;
        if (content is not null)
            return new Operand(name.At, Literal: new ConstantData(type, shape, content));
        var elements = Elements(tokens);
        if (elements.Count != shape.ElementCount)
            throw name.At.Fault($"a tensor of shape {shape} has {shape.ElementCount} elements; {elements.Count} are given.");
        return new Operand(name.At, Literal: Constant(type, shape, elements, name.At));
    }

    /// <summary>Numbers (or bools) as a constant.</summary>
    public static ConstantData Constant(DataType type, Shape shape, IReadOnlyList<object> elements, TextPosition at)
    {
        double Real(object e) => e is NumberLiteral n ? n.Real : throw at.Fault($"true and false are no {type.Name()}.");
        return type switch
        {
            DataType.Float32 => ConstantData.Of<float>(shape, [.. elements.Select(e => (float)Real(e))]),
            DataType.Float64 => ConstantData.Of<double>(shape, [.. elements.Select(Real)]),
            DataType.Int64 => ConstantData.Of<long>(shape, [.. elements.Select(e => (e as NumberLiteral?)?.Int64 ?? throw at.Fault("a number is no int64."))]),
            _ => ConstantData.Of<bool>(shape, [.. elements.Select(e => e as bool? ?? throw at.Fault("a bool is written true or false."))]),
        };
    }

    private static Dimension DimensionOf(Token token) => token.Kind switch
    {
        TokenKind.Number when Number(token).Int64 is { } size and <= Shape.MaxElements => new Dimension(size),
        TokenKind.Name or TokenKind.Text when token.Text.Length is > 0 and <= 256 => new Dimension(-1, token.Text),
        _ => throw token.At.Fault($"a dimension is a number or a name, not {token}."),
    };

    private static byte[] Bytes(Token token, DataType type)
    {
        if (token.Text.Length % 2 != 0 || !token.Text.All(char.IsAsciiHexDigit))
            throw token.At.Fault("the elements are hexadecimal bytes.");
        var bytes = Convert.FromHexString(token.Text);
        return type != DataType.Bool || bytes.All(b => b <= 1) ? bytes : throw token.At.Fault("a byte of a bool is 00 or 01.");
    }

    private static List<object> Elements(TokenReader tokens)
    {
        var elements = new List<object>();
        tokens.Expect("{");
        for (tokens.SkipLines(); !tokens.TryTake("}"); tokens.SkipLines())
        {
            if (elements.Count > 0)
            {
                tokens.Expect(",");
                tokens.SkipLines();
            }

            var negative = tokens.TryTake("-");
            var token = tokens.Take();
            elements.Add(Word(token) switch
            {
                NumberLiteral number => negative ? number.Negated : number,
                bool truth when !negative => truth,
                _ => throw token.At.Fault($"an element is a number, true or false, not {token}."),
            });
        }

        return elements;
    }

    /// <summary>A number, true, false, nan or inf; else null.</summary>
    public static object? Word(Token token) => token switch
    {
        { Kind: TokenKind.Number } => Number(token),
        { Kind: TokenKind.Name, Text: "true" } => true,
        { Kind: TokenKind.Name, Text: "false" } => false,
        { Kind: TokenKind.Name, Text: "nan" } => new NumberLiteral(double.NaN),
        { Kind: TokenKind.Name, Text: "inf" } => new NumberLiteral(double.PositiveInfinity),
        _ => null,
    };
}
