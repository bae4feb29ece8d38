using System.ComponentModel;
using System.Diagnostics;
using Gradients.Benchmarks.Processes;

namespace Gradients.Benchmarks.Wire;

/// <summary>The client and the server in C++, built on demand as the sample is (Debian: g++ cmake make pkg-config libgrpc++-dev protobuf-compiler-grpc).</summary>
internal static class CppPrograms
{
    // The sources of this project, from its output folder.
    private static readonly string Project = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../.."));
    private static readonly string Output = Path.Combine(Project, "obj/cpp");

    public static string Client => Path.Combine(Output, "client");

    public static string Server => Path.Combine(Output, "server");

    /// <summary>Null when they are there, else why not.</summary>
    public static async Task<string?> BuildAsync() =>
        await RunAsync("-S", Path.Combine(Project, "Wire/Cpp"), "-B", Output, "-DCMAKE_BUILD_TYPE=Release") ?? await RunAsync("--build", Output, "--parallel", "2");

    private static async Task<string?> RunAsync(params string[] arguments)
    {
        try
        {
            using var process = Started.Start(new ProcessStartInfo("cmake", arguments) { RedirectStandardOutput = true, RedirectStandardError = true });
            var errors = process.StandardError.ReadToEndAsync();
            await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Started.Forget(process);
            return process.ExitCode == 0 ? null : $"not built: {(await errors).Split('\n').FirstOrDefault(line => line.Length > 0) ?? "cmake failed"}";
        }
        catch (Win32Exception)
        {
            return "not built: no cmake";
        }
    }
}
