using System.Diagnostics;

namespace Gradients.Integration.Tests.Clients;

/// <summary>
/// A program in another language, run by bash in the repository. Tests skip without its tools, and fail when
/// GRADIENTS_REQUIRE_CLIENTS is 1; side by side they would overwrite each other's stubs.
/// </summary>
internal static class ForeignProgram
{
    private static readonly string Root = FindRoot();

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    /// <summary>Runs a command whose tools a probe finds, and returns what it prints.</summary>
    public static async Task<string> RunAsync(string probe, string command, CancellationToken cancellation)
    {
        var (missing, _, reason) = await BashAsync(probe, cancellation);
        if (missing != 0 && Environment.GetEnvironmentVariable("GRADIENTS_REQUIRE_CLIENTS") != "1")
            Assert.Skip($"Not found here: {probe}\n{reason}");
        Assert.True(missing == 0, $"{probe}\n{reason}");
        var (code, output, error) = await BashAsync(command, cancellation);
        Assert.True(code == 0, $"{command} ended with {code}.\n{output}\n{error}");
        return output;
    }

    private static async Task<(int Code, string Output, string Error)> BashAsync(string command, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Root };
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var error = process.StandardError.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation).WaitAsync(TimeSpan.FromMinutes(15), cancellation);
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Gradients.sln")))
            directory = directory.Parent ?? throw new DirectoryNotFoundException("No parent directory holds Gradients.sln.");
        return directory.FullName;
    }
}
