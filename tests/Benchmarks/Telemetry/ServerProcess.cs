using System.Diagnostics;
using Gradients.Server.Hosting;
using Microsoft.Extensions.Logging;

namespace Gradients.Benchmarks.Telemetry;

/// <summary>A server in a process of its own, whose processor time is the server's alone.</summary>
internal sealed class ServerProcess : IDisposable
{
    /// <summary>The first argument of this program that makes it the server.</summary>
    public const string Verb = "server-process";

    private readonly Process _process;

    private ServerProcess(Process process, Uri address)
    {
        _process = process;
        Address = address;
    }

    public Uri Address { get; }

    /// <summary>Of all threads, in user and kernel mode.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<ServerProcess> StartAsync(IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardInput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet")
            start.ArgumentList.Add(typeof(ServerProcess).Assembly.Location);
        start.ArgumentList.Add(Verb);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        var address = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server did not start.");
        return new ServerProcess(process, new Uri(address));
    }

    /// <summary>Serves on a free port, which is printed, until standard input ends.</summary>
    public static async Task RunAsync()
    {
        await using var app = GradientsServer.Build(new GradientsServerOptions { ComputeThreads = 1 }, configure: b => b.Logging.ClearProviders());
        await app.StartAsync();
        Console.WriteLine(GradientsServer.Address(app));
        await Console.In.ReadToEndAsync();
        await app.StopAsync();
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10)))
            _process.Kill();
        _process.Dispose();
    }
}
