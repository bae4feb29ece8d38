using System.Diagnostics;
using Gradients.Container.Tests;

[assembly: AssemblyFixture(typeof(ServerImage))]
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Gradients.Container.Tests;

/// <summary>
/// The image under test: the one that GRADIENTS_TEST_IMAGE names, else one that <c>docker compose build</c> makes, with the base
/// images of its variables SDK_IMAGE and RUNTIME_IMAGE.
/// </summary>
public sealed class ServerImage : IAsyncLifetime
{
    private readonly string? _given = Environment.GetEnvironmentVariable("GRADIENTS_TEST_IMAGE") is { Length: > 0 } name ? name : null;
    private string? _missing;

    /// <summary>The top of the repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Its name. A test that asks for it without a container engine is skipped, or fails where CONTAINER_TESTS_REQUIRED is 1.</summary>
    public string Name
    {
        get
        {
            if (_missing is not null && Environment.GetEnvironmentVariable("CONTAINER_TESTS_REQUIRED") == "1")
                Assert.Fail($"Container tests are required here. {_missing}");
            Assert.SkipWhen(_missing is not null, _missing ?? "");
            return _given ?? "gradients:test";
        }
    }

    public async ValueTask InitializeAsync()
    {
        _missing = await ContainerEngine.MissingAsync();
        if (_missing is not null || _given is not null)
            return;
        var start = new ProcessStartInfo("docker", ["compose", "--progress", "plain", "build", "gradients"]) { WorkingDirectory = Root, RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["GRADIENTS_IMAGE"] = "gradients:test";
        using var build = Process.Start(start)!;
        var (output, error) = (build.StandardOutput.ReadToEndAsync(), build.StandardError.ReadToEndAsync());
        await build.WaitForExitAsync();
        if (build.ExitCode != 0)
            throw new InvalidOperationException($"The image is not built.\n{await output}{await error}");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Gradients.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
