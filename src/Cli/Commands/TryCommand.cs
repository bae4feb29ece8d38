using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gradients.Client;

namespace Gradients.Cli.Commands;

/// <summary><c>gradients try</c>: one gradient whose value everyone knows, and where its trace is.</summary>
internal static class TryCommand
{
    private const string Placeholder = "{trace_id}";

    // f(x) = x³ − 2x at 3: f = 21, f′ = 3x² − 2 = 25, both exact in float64.
    private const double X = 3;
    private const double Value = 21;
    private const double Gradient = 25;

    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var server = new Option<string>("--server") { HelpName = "URL", Description = $"The server; environment variable GRADIENTS_SERVER. [default: http://127.0.0.1:{ServerAddress.DefaultPort}]" };
        server.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<string>() is { } text && !ServerAddress.IsUrl(text) && !text.StartsWith("unix:", StringComparison.Ordinal))
                r.AddError($"--server takes a URL such as http://127.0.0.1:{ServerAddress.DefaultPort}; '{text}' is none.");
        });
        var traceUrl = new Option<string>("--trace-url") { HelpName = "TEMPLATE", Description = $"Where traces are looked at, such as http://localhost:16686/trace/{Placeholder}; the id goes to the end where {Placeholder} is missing. Environment variable GRADIENTS_TRACE_URL. The link is printed." };
        traceUrl.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<string>() is { } text && !ServerAddress.IsUrl(text))
                r.AddError($"--trace-url takes a URL such as http://localhost:16686/trace/{Placeholder}; '{text}' is none.");
        });
        var apiKey = new Option<string>("--api-key") { HelpName = "KEY", Description = "An API key, gk_ID_SECRET; environment variable GRADIENTS_API_KEY, which other users of this machine do not see." };
        var ca = new Option<FileInfo>("--ca") { HelpName = "FILE", Description = "PEM file of roots that the server's certificate must lead to, in place of the machine's." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object {server, value, gradient, trace_id, trace_url} and nothing else." };

        var command = new Command("try", "Send one gradient, d/dx of x³ − 2x at x = 3, and print it with the id of its trace. Exits 1 when the server does not answer or the numbers are wrong.")
        {
            server, traceUrl, apiKey, ca, json,
        };
        command.SetAction(async (result, cancellation) =>
        {
            var address = result.GetValue(server) ?? Setting("GRADIENTS_SERVER") ?? $"http://127.0.0.1:{ServerAddress.DefaultPort}";
            var template = result.GetValue(traceUrl) ?? Setting("GRADIENTS_TRACE_URL");
            var options = new GradientsClientOptions { ApiKey = result.GetValue(apiKey) ?? Setting("GRADIENTS_API_KEY"), ServerCaFile = result.GetValue(ca)?.FullName };
            try
            {
                await using var client = new GradientsClient(address, options);
                return await RunAsync(client, address, template, result.GetValue(json), result.InvocationConfiguration.Output, cancellation);
            }
            catch (GradientsClientException e)
            {
                await result.InvocationConfiguration.Error.WriteLineAsync($"gradients try: {address}: {e.Code}{(e.Reason.Length > 0 ? " " + e.Reason : "")}: {e.Message}");
                return ExitCodes.Failure;
            }
            catch (Exception e) when (e is UriFormatException or ArgumentException or IOException or CryptographicException)
            {
                await result.InvocationConfiguration.Error.WriteLineAsync($"gradients try: {e.Message}");
                return ExitCodes.Usage;
            }
        });
        return command;
    }

    private static async Task<int> RunAsync(GradientsClient client, string address, string? template, bool json, TextWriter output, CancellationToken cancellation)
    {
        var graph = new Graph();
        var x = graph.Variable("x", X);
        var f = (x * x * x) - (2 * x);
        var result = await client.EvaluateAsync(graph, [f], [new Root(f)], [x], options: new RequestOptions { Timeout = TimeSpan.FromSeconds(10) }, cancellationToken: cancellation);
        var (value, gradient) = (result.Value(f).ToDouble(), result[x]!.ToDouble());
        var isRight = value == Value && gradient == Gradient;
        var link = template is null ? null
            : template.Contains(Placeholder, StringComparison.Ordinal) ? template.Replace(Placeholder, result.TraceId, StringComparison.Ordinal)
            : template + result.TraceId;

        if (json)
        {
            var line = new JsonObject { ["server"] = address, ["value"] = value, ["gradient"] = gradient, ["trace_id"] = result.TraceId, ["trace_url"] = link };
            await output.WriteLineAsync(line.ToJsonString(OneLine));
            return isRight ? ExitCodes.Ok : ExitCodes.Failure;
        }

        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"f(x) = x³ − 2x at x = {X}: f = {value}, f′ = {gradient}{(isRight ? "" : $", expected {Value} and {Gradient}")}"));
        await output.WriteLineAsync($"trace {result.TraceId}");
        if (link is not null)
            await output.WriteLineAsync(link);
        return isRight ? ExitCodes.Ok : ExitCodes.Failure;
    }

    private static string? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? text : null;
}
