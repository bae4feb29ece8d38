using System.CommandLine;
using System.Globalization;
using Gradients.Server.Security;

namespace Gradients.Cli.Commands;

/// <summary><c>gradients key</c>: makes an API key.</summary>
internal static class KeyCommand
{
    public static Command Create()
    {
        var tenant = new Option<string>("--tenant") { HelpName = "TENANT", Required = true, Description = "Who owns what is done with the key: lower-case letters and digits, with single '.', '-' and '_' between them, at most 63." };
        var name = new Option<string>("--name") { HelpName = "NAME", Required = true, Description = "Tells keys apart for people and in logs, at most 128 characters." };
        var expires = new Option<string>("--expires") { HelpName = "TIME", Description = "When the key ends, as in 2027-01-31 or 2027-01-31T12:00:00Z; without an offset in UTC. [default: never]" };
        expires.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<string>() is { } text && (!TryParse(text, out var time) || time <= TimeProvider.System.GetUtcNow()))
                r.AddError($"--expires takes a time to come; '{text}' is none.");
        });
        var command = new Command("key", "Make an API key. Prints two lines: the key, which is stored nowhere and not shown again, and its entry for the list \"keys\" of the server's file (setting Gradients:Authentication:ApiKeysFile), which has the key's SHA-256 hash only.")
        {
            tenant, name, expires,
        };
        command.SetAction(async (result, cancellation) =>
        {
            DateTimeOffset? end = result.GetValue(expires) is { } text && TryParse(text, out var time) ? time : null;
            try
            {
                var key = NewApiKey.Create(result.GetRequiredValue(tenant), result.GetRequiredValue(name), end);
                await result.InvocationConfiguration.Output.WriteAsync($"{key.Text}\n{key.Entry}\n".AsMemory(), cancellation);
                return ExitCodes.Ok;
            }
            catch (ArgumentException e)
            {
                await result.InvocationConfiguration.Error.WriteLineAsync($"gradients key: {e.Message}");
                return ExitCodes.Usage;
            }
        });
        return command;
    }

    private static bool TryParse(string text, out DateTimeOffset time) =>
        DateTimeOffset.TryParseExact(text, ["yyyy-MM-dd", "yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mmK"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);
}
