using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Gradients.Testing;

namespace Gradients.Benchmarks.Processes;

/// <summary>The processes that this one has started: they end with it, also when a signal ends it in the middle of a suite.</summary>
internal static partial class Started
{
    private static readonly ConcurrentDictionary<Process, bool> Running = new();
    private static readonly Lock Ending = new();

    public static Process Start(ProcessStartInfo start)
    {
        var process = Process.Start(start)!;
        Running.TryAdd(process, true);
        return process;
    }

    /// <summary>It has ended.</summary>
    public static void Forget(Process process) => Running.TryRemove(process, out _);

    /// <summary>Ends this process at SIGTERM and SIGINT, by 128 and the signal's number as shells do; suites have no place to stop at.</summary>
    public static IReadOnlyList<IDisposable> EndBySignals() =>
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => End(PosixSignal.SIGTERM, 15)),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => End(PosixSignal.SIGINT, 2)),
    ];

    /// <summary>The code to return; a process that is being ended never gets it, nor to say what failed because of that.</summary>
    public static int Return(int code)
    {
        lock (Ending)
            return code;
    }

    private static void End(PosixSignal signal, int number)
    {
        Ending.Enter();
        Console.Error.WriteLine($"Ended by {signal}; nothing was written.");
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
        foreach (var process in Running.Keys)
        {
            try
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit(TimeSpan.FromSeconds(1));
            }
            catch (InvalidOperationException)
            {
                // It ended at the same moment.
            }
        }

        TemporaryFolder.DeleteAll();

        // At once: what a library undoes at the end of a process must not meet a thread that is still computing in it.
        Exit(128 + number);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);
}
