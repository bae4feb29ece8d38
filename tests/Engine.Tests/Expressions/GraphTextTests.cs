using System.Text.RegularExpressions;
using Gradients.Engine.Expressions;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Expressions;

public sealed partial class GraphTextTests
{
    private static readonly TextBinding[] Bindings = [.. "wxby".Select((c, i) => new TextBinding(c.ToString(), (ulong)i + 1, new TensorType(DataType.Float64, 3), c is 'w' or 'b'))];

    [Theory]
    [InlineData("w*x + b", "Mul(w,x);Add(0,b)")]
    [InlineData("w + x*b", "Mul(x,b);Add(w,0)")]
    [InlineData("w - x - b", "Sub(w,x);Sub(0,b)")]
    [InlineData("w**x**b", "Pow(x,b);Pow(w,0)")]
    [InlineData("-w**x", "Pow(w,x);Neg(0)")]
    [InlineData("w**-x*b", "Neg(x);Pow(w,0);Mul(1,b)")]
    [InlineData("(w + x)*b", "Add(w,x);Mul(0,b)")]
    [InlineData("-w*x", "Neg(w);Mul(0,x)")]
    [InlineData("w @ x / b", "MatMul(w,x);Div(0,b)")]
    [InlineData("w < x + b", "Add(x,b);Less(w,0)")]
    [InlineData("a = w*x; a = exp(a)\nmax(a)", "Mul(w,x);Exp(0);ReduceMax(1)")]
    [InlineData("exp(tanh(w))", "Tanh(w);Exp(0)")]
    [InlineData("Max(w, x,\n b)", "Max(w,x,b)")]
    [InlineData("Clip(w, max=x)", "Clip(w,none,x)")]
    public void OperatorsBindAsInPython(string source, string expected)
    {
        var nodes = GraphText.Parse(source, Bindings).Nodes[4..];
        string Name(ulong id) => id == 0 ? "none" : id <= 4 ? "wxby"[(int)id - 1].ToString() : Array.FindIndex(nodes, n => n.Id == id).ToString();
        Assert.Equal(expected, string.Join(';', nodes.Select(n => $"{n.Op}({string.Join(',', n.Inputs.Select(Name))})")));
    }

    [Theory]
    [InlineData("w * (x + ", 1, 10)]
    [InlineData("w *\nunknown", 1, 4)]
    [InlineData("a = w\nb2 = a + q", 2, 10)]
    [InlineData("w x", 1, 3)]
    [InlineData("(w", 1, 3)]
    [InlineData("w)", 1, 2)]
    [InlineData("w ? x", 1, 3)]
    [InlineData("\"open", 1, 1)]
    [InlineData("w < x < b", 1, 7)]
    [InlineData("mean(w, axis=x)", 1, 14)]
    [InlineData("def f(v) { w }", 1, 12)]
    [InlineData("def f(v) { def g(u) { u } }", 1, 12)]
    [InlineData("[w]", 1, 2)]
    [InlineData("w[0.5]", 1, 3)]
    [InlineData("1e999", 1, 1)]
    [InlineData("true = w", 1, 1)]
    [InlineData("$9 = w; $9 = x", 1, 9)]
    [InlineData("int64[2]{1}", 1, 1)]
    public void AFaultHasItsLineAndColumn(string source, int line, int column)
    {
        var e = Assert.Throws<GradientsException>(() => GraphText.Parse(source, Bindings));
        Assert.Equal((ErrorReasons.ExpressionSyntax, $"{line}", $"{column}"), (e.Reason, e.Metadata["line"], e.Metadata["column"]));
    }

    [Fact]
    public void AnErrorOfANodeIsLocated()
    {
        var parsed = GraphText.Parse("w\nmean(Softmax(w*x, axle=1))", Bindings);
        var e = Assert.Throws<GradientsException>(() => Define(parsed));
        parsed.Locate(e);
        Assert.Equal((ErrorReasons.UnknownAttribute, "2", "6"), (e.Reason, e.Metadata["line"], e.Metadata["column"]));
    }

    [Theory]
    [InlineData("float64", "w*2", 2.0)]
    [InlineData("int64", "w[2:]", 2L)]
    [InlineData("float32", "float32(3)*float32(w)", 3f)]
    [InlineData("float64", "def f(v) { v*4 }; f(w)", 4.0)]
    public void ANumberTakesTheTypeOfWhatItMeets(string type, string source, object value)
    {
        var parsed = GraphText.Parse(source, Bindings);
        var constant = (ConstantData)parsed.Nodes.Concat(parsed.Functions.SelectMany(f => f.Nodes)).First(n => n.Op == "Constant").Attributes.Find("value")!;
        Assert.Equal(type, constant.DataType.Name());
        object actual = value switch { double => (object)constant.As<double>()[0], float => constant.As<float>()[0], _ => constant.As<long>()[0] };
        Assert.Equal(value, actual);
    }

    [Fact]
    public void NamesAndTheResultGetTheirIds()
    {
        var parsed = GraphText.Parse("a = w*x\na + b", [.. Bindings, new TextBinding("a", 7)], result: 9);
        Assert.Equal([1UL, 2, 3, 4, 7, 9], parsed.Nodes.Select(n => n.Id));
        Assert.Equal([9UL], parsed.Results);
        Assert.Equal(new TextPosition(1, 5), parsed.Positions[7]);
        Assert.Equal("Identity", GraphText.Parse("w", Bindings, result: 9).Nodes[^1].Op);
    }

    [Theory]
    [InlineData("text is too long", "max_text_length", 64)]
    [InlineData("((((((((w))))))))", "max_text_depth", 64)]
    [InlineData("--------w", "max_text_depth", 64)]
    [InlineData("w**w**w**w**w**w**w**w**w", "max_text_depth", 64)]
    [InlineData("w+x+w+x+w+x+w+x+w+x+w+x+w", "max_nodes_per_request", 64)]
    public void CapsAreRefusedByName(string source, string limit, int length)
    {
        if (limit == "max_text_length")
            length = 3;
        var e = Assert.Throws<GradientsException>(() => GraphText.Parse(source, Bindings, limits: new TextLimits { MaxLength = length, MaxDepth = 8, MaxNodes = 12 }));
        Assert.Equal((ErrorCode.ResourceExhausted, ErrorReasons.LimitExceeded, limit), (e.Code, e.Reason, e.Metadata["limit"]));
    }

    [Fact]
    public void ShortNamesNameOpsOfTheCatalog() => Assert.All(ShortNames.All.Values, e => Assert.NotNull(OpCatalog.Find(e.Op)));

    [Fact]
    public void TheDocumentsExamplesAreGraphsAndItNamesEveryShortName()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder!.FullName, "protos")) || !Directory.Exists(Path.Combine(folder.FullName, "docs")))
            folder = folder.Parent;
        var document = File.ReadAllText(Path.Combine(folder.FullName, "docs", "graph-text.md"));
        var examples = Example().Matches(document);
        Assert.True(examples.Count >= 5);
        Assert.All(examples, e => Define(GraphText.Parse(e.Groups[1].Value, Bindings)));
        var names = document[document.IndexOf("stand for ops:", StringComparison.Ordinal)..document.IndexOf(". The reductions", StringComparison.Ordinal)];
        Assert.Equal(ShortNames.All.Keys.Order(), names["stand for ops:".Length..].Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Order());
    }

    internal static GraphDefinition Define(ParsedGraph parsed)
    {
        var graph = new GraphDefinition(new GraphLimits(), OpCatalog.Find);
        graph.Add(parsed.Functions, parsed.Nodes);
        return graph;
    }

    [GeneratedRegex("```gradients\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();
}
