using System.Diagnostics;
using System.Globalization;
using Gradients.Benchmarks.Processes;

namespace Gradients.Benchmarks.Wire;

/// <summary>Chunks from a client in C++, a process of its own.</summary>
internal sealed class CppTransfer : ITransfer
{
    private readonly ChildProcess _process;

    private CppTransfer(ChildProcess process) => _process = process;

    public int MaxBytes => int.MaxValue;

    /// <param name="address">As gRPC for C++ takes it: <c>host:port</c> or <c>unix:path</c>.</param>
    /// <param name="session">Of a server that has sessions.</param>
    public static async Task<ITransfer> OpenAsync(string address, string? session = null) =>
        new CppTransfer(await ChildProcess.StartAsync(new ProcessStartInfo(CppPrograms.Client, session is null ? [address] : [address, session])));

    public async Task<bool> PrepareAsync(byte[] content)
    {
        var isSame = await _process.AskAsync(Line("prepare", content.Length)) == "ok";
        await SettleAsync();
        return isSame;
    }

    public Task UploadAsync(int count) => _process.AskAsync(Line("upload", count));

    public Task DownloadAsync(int count) => _process.AskAsync(Line("download", count));

    public Task SettleAsync() => _process.AskAsync(Line("settle", 0));

    public ValueTask DisposeAsync()
    {
        _process.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Line(string verb, int argument) => string.Create(CultureInfo.InvariantCulture, $"{verb} {argument}");
}
