using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gradients.Cli.Demo.Chapters;
using Gradients.Client;
using Spectre.Console;

namespace Gradients.Cli.Demo;

/// <summary>Starts server and client, runs the chapters one by one and compares what they received with what is expected.</summary>
internal static class DemoRunner
{
    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly IChapter[] Chapters =
    [
        new LinearRegression(), new Update(), new Accumulation(), new Evaluation(), new Activations(), new Network(),
        new CustomRelu(), new HigherDerivatives(), new DigitsTraining(), new TrainingTrace(),
    ];

    /// <summary>True when every chapter is as expected.</summary>
    /// <param name="options">Seed and epochs.</param>
    /// <param name="expected">What each chapter must receive, by its name.</param>
    /// <param name="console">Where people read.</param>
    /// <param name="json">Where programs read, one object a line.</param>
    /// <param name="cancellation">Stops the demo.</param>
    public static async Task<bool> RunAsync(DemoOptions options, IReadOnlyDictionary<string, Expectation[]> expected, IAnsiConsole console, TextWriter json, CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        await using var server = await EmbeddedServer.StartAsync(cancellation);
        using var interrupted = CancellationTokenSource.CreateLinkedTokenSource(cancellation, server.Stopping);
        cancellation = interrupted.Token;
        await using var client = new GradientsClient(server.Address.ToString());
        var info = await client.GetServerInfoAsync(cancellation);
        console.WriteLine($"Gradients {info.Version}: a server listens on {server.Address.GetLeftPart(UriPartial.Authority)} ({info.IsaLevel}).");
        console.WriteLine("Tensors and op definitions go to it over gRPC, and gradients come back.");

        var failed = new List<string>();
        foreach (var (number, chapter) in Chapters.Index())
        {
            console.WriteLine();
            console.Write(new Rule($"[bold]{number + 1}. {Markup.Escape(chapter.Title)}[/]").LeftJustified());
            var context = new ChapterContext(client, console, options, cancellation);
            var error = await RunAsync(chapter, context);
            var isOk = error is null && expected[chapter.Name].All(e => context.Received.TryGetValue(e.Quantity, out var value) && e.Holds(value));
            Show(console, expected[chapter.Name], context.Received, error);
            await json.WriteLineAsync(Line(chapter.Name, expected[chapter.Name], context.Received, error, isOk).ToJsonString(OneLine).AsMemory(), cancellation);
            if (!isOk)
                failed.Add(chapter.Name);
        }

        console.WriteLine();
        var elapsed = string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
        console.MarkupLine(failed.Count == 0
            ? $"[green]{Chapters.Length} chapters, all as expected, in {elapsed}.[/]"
            : $"[red]{failed.Count} of {Chapters.Length} chapters differ from what is expected: {Markup.Escape(string.Join(", ", failed))} ({elapsed}).[/]");
        return failed.Count == 0;
    }

    /// <summary>A chapter that fails does not keep the others from running; what went wrong is its result.</summary>
    private static async Task<string?> RunAsync(IChapter chapter, ChapterContext context)
    {
        try
        {
            await chapter.RunAsync(context);
            return null;
        }
        catch (GradientsClientException e)
        {
            return $"{e.Code} {e.Reason}: {e.Message}";
        }
    }

    private static void Show(IAnsiConsole console, Expectation[] expected, IReadOnlyDictionary<string, object?> received, string? error)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("quantity", "expected", "received", "");
        foreach (var expectation in expected)
        {
            var isThere = received.TryGetValue(expectation.Quantity, out var value);
            var isOk = isThere && expectation.Holds(value);
            table.AddRow(
                Markup.Escape(expectation.Quantity),
                Markup.Escape(expectation.Text),
                Markup.Escape(!isThere ? "nothing" : isOk ? Rendering.Text(value) : Rendering.Text(value, Rendering.AllDigits)),
                isOk ? "[green]ok[/]" : "[red]DIFFERS[/]");
        }

        console.Write(table);
        if (error is not null)
            console.MarkupLine($"[red]{Markup.Escape(error)}[/]");
    }

    private static JsonObject Line(string chapter, Expectation[] expected, IReadOnlyDictionary<string, object?> received, string? error, bool isOk)
    {
        var line = new JsonObject
        {
            ["chapter"] = chapter,
            ["expected"] = new JsonObject(expected.Select(e => KeyValuePair.Create(e.Quantity, e.Json))),
            ["received"] = new JsonObject(received.Select(r => KeyValuePair.Create(r.Key, Rendering.Json(r.Value)))),
            ["ok"] = isOk,
        };
        if (error is not null)
            line["error"] = error;
        return line;
    }
}
