using System.Globalization;
using Gradients.Benchmarks.Wire;
using Gradients.Server.Hosting;
using Microsoft.Extensions.Logging;

namespace Gradients.Benchmarks.Processes;

/// <summary>A server in a process of its own, whose processor time and managed memory are the server's alone.</summary>
internal sealed class ServerProcess : IDisposable
{
    /// <summary>The first argument of this program that makes it the server.</summary>
    public const string Verb = "server-process";

    /// <summary>As deploy/Dockerfile sets it.</summary>
    private const string ImageGen0Size = "0x1000000";

    private readonly ChildProcess _process;

    private ServerProcess(ChildProcess process) => _process = process;

    public Uri Address => new(_process.Greeting);

    /// <summary>Of all threads, in user and kernel mode.</summary>
    public TimeSpan ProcessorTime => _process.ProcessorTime;

    /// <param name="environment">Settings, as <c>GRADIENTS__NAME</c>.</param>
    public static async Task<ServerProcess> StartAsync(IReadOnlyDictionary<string, string> environment)
    {
        var start = SeparateProcesses.Again([Verb]);
        start.Environment["DOTNET_GCgen0size"] = ImageGen0Size;
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new ServerProcess(await ChildProcess.StartAsync(start));
    }

    /// <summary>Managed bytes that it has allocated so far.</summary>
    public async Task<long> AllocatedBytesAsync() => long.Parse(await _process.AskAsync("allocated"), CultureInfo.InvariantCulture);

    /// <summary>Serves on a free port, which is printed, until standard input ends; tells for each line what was allocated.</summary>
    public static async Task RunAsync()
    {
        await using var app = GradientsServer.Build(new GradientsServerOptions { ComputeThreads = 1 }, configure: b => b.Logging.ClearProviders());
        BareHttp2.Map(app);
        await app.StartAsync();
        Console.WriteLine(GradientsServer.Address(app));
        while (await Console.In.ReadLineAsync() is not null)
            Console.WriteLine(GC.GetTotalAllocatedBytes(precise: true).ToString(CultureInfo.InvariantCulture));
        await app.StopAsync();
    }

    public void Dispose() => _process.Dispose();
}
