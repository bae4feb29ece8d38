namespace Gradients.Client.Tests;

/// <summary>The README's .NET example is this file's, and runs.</summary>
public sealed class ReadmeTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task TheExampleRuns()
    {
        var client = server.Client;
        var output = new StringWriter();
        void WriteLine(string line) => output.WriteLine(line);

        // <example>
        await using var session = await client.CreateSessionAsync();
        var x = session.Input<float>("x", "batch");
        var y = session.Input<float>("y", "batch");
        var w = session.Variable("w", 2f);
        var b = session.Variable("b", 1f);
        var loss = ((w * x) + b - y).Pow(2).Mean();

        var feeds = new Feeds { [x] = new float[] { 1, 2, 3 }, [y] = new float[] { 6, 9, 12 } };
        var gradients = await session.BackwardAsync(loss, [w, b], feeds, fetch: [loss]);
        WriteLine($"loss {gradients.Value(loss)}, dw {gradients[w]}, db {gradients[b]}, trace {gradients.TraceId}");

        var slope = session.Gradient(loss, w);                        // a gradient is a value of the graph…
        var curvature = await session.BackwardAsync(slope, [w], feeds); // …and is differentiated again
        WriteLine($"d²loss/dw² {curvature[w]}");
        // </example>

        Assert.Contains("-17.33", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("9.33", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void TheReadmeShowsTheExample()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "Gradients.sln")))
            root = root.Parent;
        var source = File.ReadAllText(Path.Combine(root.FullName, "tests/Client.Tests/ReadmeTests.cs"));
        var example = source[(source.IndexOf("// <example>", StringComparison.Ordinal) + "// <example>\n".Length)..source.IndexOf("// </example>", StringComparison.Ordinal)];
        var lines = example.TrimEnd().Split('\n').Select(l => l.Length >= 8 ? l[8..] : l);
        Assert.Contains(string.Join('\n', lines), File.ReadAllText(Path.Combine(root.FullName, "README.md")), StringComparison.Ordinal);
    }
}
