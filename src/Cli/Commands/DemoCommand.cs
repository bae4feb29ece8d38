using System.CommandLine;
using Gradients.Cli.Demo;
using Spectre.Console;

namespace Gradients.Cli.Commands;

/// <summary><c>gradients demo</c>: the tutorial over gRPC against an embedded server, every number checked.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON object {chapter, expected, received, ok} per chapter and line, and nothing else." };
        var seed = new Option<int>("--seed") { HelpName = "N", Description = "Seed of the weights and of the order of the digits.", DefaultValueFactory = _ => DemoOptions.DefaultSeed };
        var epochs = new Option<int>("--epochs") { HelpName = "N", Description = "Passes over the digits, 1 to 1000. With fewer than 20 a lower accuracy is expected.", DefaultValueFactory = _ => DemoOptions.DefaultEpochs };
        epochs.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int>() is < 1 or > 1000)
                r.AddError("--epochs takes 1 to 1000.");
        });

        var command = new Command("demo", "Start a server on a free loopback port, connect a client over gRPC and go through the tutorial: from linear regression to a network trained on handwritten digits and the trace of one training step. Exits 1 when anything received differs from what is expected.")
        {
            json, seed, epochs,
        };
        command.SetAction(async (result, cancellation) =>
        {
            var options = new DemoOptions(result.GetValue(seed), result.GetValue(epochs));
            var output = result.InvocationConfiguration.Output;
            var isJson = result.GetValue(json);
            var console = isJson ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null) }) : AnsiConsole.Console;
            try
            {
                return await DemoRunner.RunAsync(options, Expectations.For(options), console, isJson ? output : TextWriter.Null, cancellation)
                    ? ExitCodes.Ok
                    : ExitCodes.Failure;
            }
            catch (OperationCanceledException)
            {
                await result.InvocationConfiguration.Error.WriteLineAsync("gradients demo: interrupted.");
                return ExitCodes.Failure;
            }
        });
        return command;
    }
}
