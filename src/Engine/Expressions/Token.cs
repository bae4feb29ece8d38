namespace Gradients.Engine.Expressions;

internal enum TokenKind
{
    Name,

    /// <summary><c>$7</c>: the value of id 7; the text is <c>$7</c>.</summary>
    Id,
    Number,

    /// <summary>A quoted text, its escapes resolved.</summary>
    Text,
    Symbol,
    NewLine,
    End,
}

internal readonly record struct Token(TokenKind Kind, string Text, TextPosition At)
{
    public bool Is(string symbol) => Kind == TokenKind.Symbol && Text == symbol;

    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public override string ToString() => Kind switch
    {
        TokenKind.End => "the end",
        TokenKind.NewLine => "the end of the statement",
        TokenKind.Text => "a quoted text",
        _ => $"'{Text}'",
    };
}
