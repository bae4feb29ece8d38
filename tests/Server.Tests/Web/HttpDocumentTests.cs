using System.Text.RegularExpressions;

namespace Gradients.Server.Tests.Web;

/// <summary>The requests of docs/http.md get the replies that stand there, and that of the README its gradient.</summary>
public sealed partial class HttpDocumentTests
{
    [Fact]
    public async Task Every_example_is_answered_as_written()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Root(), "docs", "http.md"), TestContext.Current.CancellationToken);
        var examples = Example().Matches(text);
        Assert.Equal(2, examples.Count);
        await using var web = await WebServer.StartAsync();
        foreach (Match example in examples)
        {
            var reply = await web.PostAsync(example.Groups["path"].Value, example.Groups["body"].Value);
            Assert.Equal(example.Groups["reply"].Value, TraceId().Replace(reply.Text.Trim(), "\"traceId\": \"…\""));
        }
    }

    [Fact]
    public async Task The_one_of_the_README_has_the_gradient_25()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Root(), "README.md"), TestContext.Current.CancellationToken);
        var request = Request().Match(text);
        await using var web = await WebServer.StartAsync();
        var reply = (await web.PostAsync(request.Groups["path"].Value, request.Groups["body"].Value)).Ok();
        Assert.Equal(25, reply.GetProperty("gradients")[0].GetProperty("tensor").GetProperty("values").GetProperty("numbers")[0].GetDouble());
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder.FullName, "samples")))
            folder = folder.Parent ?? throw new InvalidOperationException("The repository's root is not above the tests.");
        return folder.FullName;
    }

    [GeneratedRegex(@"```sh\ncurl -s localhost:50080(?<path>\S+) -H 'content-type: application/json' -d '(?<body>[^']*)'\n```\n\n```json\n(?<reply>.*)\n```")]
    private static partial Regex Example();

    [GeneratedRegex(@"curl -s localhost:50080(?<path>\S+) -H 'content-type: application/json' -d '(?<body>[^']*)'")]
    private static partial Regex Request();

    [GeneratedRegex("\"traceId\": \"[0-9a-f]{32}\"")]
    private static partial Regex TraceId();
}
