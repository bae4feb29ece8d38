using System.Diagnostics;

namespace Gradients.Benchmarks.Processes;

/// <summary>
/// A process of its own that says in its first line how it is reached, answers a line with a line, and ends with its standard input.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process _process;

    private ChildProcess(Process process, string greeting)
    {
        _process = process;
        Greeting = greeting;
    }

    /// <summary>The first line.</summary>
    public string Greeting { get; }

    /// <summary>Of all threads, in user and kernel mode.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<ChildProcess> StartAsync(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = true;
        var process = Started.Start(start);
        if (await process.StandardOutput.ReadLineAsync() is { Length: > 0 } greeting)
            return new ChildProcess(process, greeting);
        await process.WaitForExitAsync();
        Started.Forget(process);
        throw new InvalidOperationException($"{Path.GetFileName(start.FileName)} did not start: exit code {process.ExitCode}.");
    }

    public async Task<string> AskAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        return await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"A process ended before it answered '{line}'.");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10)))
            _process.Kill();
        Started.Forget(_process);
        _process.Dispose();
    }
}
