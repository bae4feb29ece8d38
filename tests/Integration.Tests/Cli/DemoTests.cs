using System.Text.Json;
using Gradients.Cli.Demo;
using Spectre.Console;

namespace Gradients.Integration.Tests.Cli;

/// <summary>The demo in this process, with few epochs.</summary>
public class DemoTests
{
    private static readonly DemoOptions Quick = new(Epochs: 5);

    private static readonly string[] Chapters =
    [
        "linear-regression", "update", "accumulation", "evaluation", "activations", "network", "custom-relu",
        "higher-derivatives", "digits", "trace",
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_chapter_receives_what_is_expected()
    {
        var (isOk, lines, text) = await RunAsync(Expectations.For(Quick));
        Assert.All(lines, line => Assert.True(line.GetProperty("ok").GetBoolean(), line.ToString()));
        Assert.Equal(Chapters, lines.Select(l => l.GetProperty("chapter").GetString()));
        Assert.True(isOk);
        Assert.DoesNotContain("DIFFERS", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', text);
    }

    [Fact]
    public async Task Json_holds_the_numbers_expected_and_received()
    {
        var (_, lines, _) = await RunAsync(Expectations.For(Quick));
        Assert.Equal(-17.3333, lines[0].GetProperty("expected").GetProperty("dw").GetDouble());
        Assert.Equal(-52.0 / 3, lines[0].GetProperty("received").GetProperty("dw").GetDouble(), 1e-12);
        Assert.Equal([-4, -16.0 / 3, -20.0 / 3], lines[0].GetProperty("received").GetProperty("dx").EnumerateArray().Select(e => Math.Round(e.GetDouble() * 3) / 3));
        Assert.Equal(JsonValueKind.Null, lines[2].GetProperty("received").GetProperty("dw after zeroing").ValueKind);
    }

    [Fact]
    public async Task A_difference_fails_its_chapter_alone_and_shows_both_numbers()
    {
        var expected = Expectations.For(Quick);
        expected["update"] = [new Near("w", 1e-6, 2.1734)];
        var (isOk, lines, text) = await RunAsync(expected);
        Assert.False(isOk);
        Assert.Equal(["update"], lines.Where(l => !l.GetProperty("ok").GetBoolean()).Select(l => l.GetProperty("chapter").GetString()));
        Assert.Equal(2.1734, lines[1].GetProperty("expected").GetProperty("w").GetDouble());
        Assert.Contains(text.Split('\n'), l => l.Contains("2.1734", StringComparison.Ordinal) && l.Contains("2.17333333", StringComparison.Ordinal) && l.Contains("DIFFERS", StringComparison.Ordinal));
        Assert.Contains("1 of 10 chapters", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quantity_that_is_not_received_fails_its_chapter()
    {
        var expected = Expectations.For(Quick);
        expected["accumulation"] = [.. expected["accumulation"], new Absent("dw of nowhere")];
        var (isOk, lines, _) = await RunAsync(expected);
        Assert.False(isOk);
        Assert.False(lines[2].GetProperty("ok").GetBoolean());
    }

    private static async Task<(bool IsOk, JsonElement[] Lines, string Text)> RunAsync(Dictionary<string, Expectation[]> expected)
    {
        var json = new StringWriter();
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(text) });
        var isOk = await DemoRunner.RunAsync(Quick, expected, console, json, Cancellation);
        var lines = json.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return (isOk, Array.ConvertAll(lines, l => JsonDocument.Parse(l).RootElement), text.ToString());
    }
}
