using System.Diagnostics;

namespace Gradients.Deploy.Tests;

internal sealed record ToolResult(int ExitCode, string Output, string Error)
{
    public string All => Output + Error;
}

/// <summary>A program from outside. Tests skip without it, and fail when DEPLOY_TESTS_REQUIRED is 1.</summary>
internal static class Tool
{
    public static ToolResult Helm(params string[] arguments) =>
        Run(Require(Environment.GetEnvironmentVariable("HELM") ?? "helm", "helm is neither named by HELM nor on the PATH; .ci/helm installs it."), arguments);

    public static ToolResult Promtool(params string[] arguments) =>
        Run(Require("promtool", "promtool is not on the PATH; Debian's package prometheus has it."), arguments);

    private static string Require(string program, string reason)
    {
        if (PathOf(program) is { } path)
            return path;
        if (Environment.GetEnvironmentVariable("DEPLOY_TESTS_REQUIRED") == "1")
            Assert.Fail(reason);
        Assert.Skip(reason);
        return program;
    }

    private static string? PathOf(string program) => program.Contains('/', StringComparison.Ordinal)
        ? File.Exists(program) ? program : null
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(d => Path.Combine(d, program)).FirstOrDefault(File.Exists);

    private static ToolResult Run(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
