namespace Gradients.Engine.Expressions;

/// <summary>Tokens in order; behind the last one it stays at the end.</summary>
internal sealed class TokenReader(List<Token> tokens)
{
    private int _at;

    public Token Current => tokens[_at];

    public Token Following => Ahead(1);

    public Token Ahead(int count) => tokens[Math.Min(_at + count, tokens.Count - 1)];

    public Token Take()
    {
        var token = tokens[_at];
        _at = Math.Min(_at + 1, tokens.Count - 1);
        return token;
    }

    public bool TryTake(string symbol)
    {
        if (!Current.Is(symbol))
            return false;
        Take();
        return true;
    }

    public Token Expect(string symbol) => Current.Is(symbol) ? Take() : throw Current.At.Fault($"'{symbol}' is expected before {Current}.");

    public void SkipLines()
    {
        while (Current.Kind == TokenKind.NewLine)
            Take();
    }
}
