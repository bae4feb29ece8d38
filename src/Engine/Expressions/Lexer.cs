using System.Globalization;
using System.Text;

namespace Gradients.Engine.Expressions;

/// <summary>Splits a text into tokens. Line ends within ( ) and [ ] do not count; <c>#</c> starts a comment.</summary>
internal sealed class Lexer(string source)
{
    private const string Single = "+-*/@()[]{},:=<>&|~";

    private static readonly string[] Double = ["**", "==", "!=", "<=", ">="];

    private readonly List<Token> _tokens = [];
    private readonly Stack<char> _open = new();
    private int _at;
    private int _line = 1;
    private int _lineStart;

    private TextPosition Here => new(_line, _at - _lineStart + 1);

    private char Current => _at < source.Length ? source[_at] : '\0';

    public static List<Token> Read(string source) => new Lexer(source).Read();

    private List<Token> Read()
    {
        while (_at < source.Length)
        {
            var c = source[_at];
            if (c is '\n' or ';')
                EndStatement(c);
            else if (c is ' ' or '\t' or '\r')
                _at++;
            else if (c == '#')
                SkipComment();
            else if (char.IsLetter(c) || c == '_')
                Add(TokenKind.Name, NameEnd());
            else if (char.IsAsciiDigit(c) || (c == '.' && _at + 1 < source.Length && char.IsAsciiDigit(source[_at + 1])))
                Add(TokenKind.Number, NumberEnd());
            else if (c == '$')
                AddId();
            else if (c == '"')
                AddText();
            else
                AddSymbol(c);
        }

        _tokens.Add(new Token(TokenKind.End, "", Here));
        return _tokens;
    }

    private void Add(TokenKind kind, int end)
    {
        _tokens.Add(new Token(kind, source[_at..end], Here));
        _at = end;
    }

    private void EndStatement(char c)
    {
        if (c == ';' || _open.Count == 0 || _open.Peek() == '{')
            _tokens.Add(new Token(TokenKind.NewLine, ";", Here));
        _at++;
        if (c == '\n')
            (_line, _lineStart) = (_line + 1, _at);
    }

    private void SkipComment()
    {
        while (_at < source.Length && source[_at] != '\n')
            _at++;
    }

    private int NameEnd()
    {
        var end = _at + 1;
        while (end < source.Length && (char.IsLetterOrDigit(source[end]) || source[end] == '_' || (source[end] == '.' && end + 1 < source.Length && char.IsLetter(source[end + 1]))))
            end++;
        return end;
    }

    private int NumberEnd()
    {
        var end = Digits(_at);
        if (end < source.Length && source[end] == '.')
            end = Digits(end + 1);
        if (end < source.Length && source[end] is 'e' or 'E')
        {
            var sign = end + 1 < source.Length && source[end + 1] is '+' or '-' ? 1 : 0;
            var exponent = Digits(end + 1 + sign);
            end = exponent > end + 1 + sign ? exponent : end;
        }

        return end;
    }

    private int Digits(int from)
    {
        while (from < source.Length && char.IsAsciiDigit(source[from]))
            from++;
        return from;
    }

    private void AddId()
    {
        var end = Digits(_at + 1);
        if (!ulong.TryParse(source.AsSpan(_at + 1, end - _at - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            throw Here.Fault("'$' is followed by an id, a number below 2^64.");
        _tokens.Add(new Token(TokenKind.Id, $"${id}", Here));
        _at = end;
    }

    private void AddText()
    {
        var start = Here;
        var text = new StringBuilder();
        for (_at++; Current != '"'; _at++)
        {
            if (_at >= source.Length || Current == '\n')
                throw start.Fault("the quoted text does not end on its line.");
            if (Current != '\\')
            {
                text.Append(Current);
                continue;
            }

            _at++;
            text.Append(Current switch
            {
                'n' => '\n',
                '"' or '\\' => Current,
                'u' => Unicode(),
                _ => throw Here.Fault("a backslash is followed by one of n \" \\ uXXXX."),
            });
        }

        _at++;
        _tokens.Add(new Token(TokenKind.Text, text.ToString(), start));
    }

    private char Unicode()
    {
        if (_at + 4 >= source.Length || !ushort.TryParse(source.AsSpan(_at + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            throw Here.Fault("\\u is followed by four hexadecimal digits.");
        _at += 4;
        return (char)code;
    }

    private void AddSymbol(char c)
    {
        foreach (var symbol in Double)
        {
            if (string.CompareOrdinal(source, _at, symbol, 0, 2) == 0)
            {
                Add(TokenKind.Symbol, _at + 2);
                return;
            }
        }

        if (!Single.Contains(c))
            throw Here.Fault($"the character U+{(int)c:X4} has no meaning here.");
        if (c is '(' or '[' or '{')
            _open.Push(c);
        else if (c is ')' or ']' or '}')
            _open.TryPop(out _);
        Add(TokenKind.Symbol, _at + 1);
    }
}
