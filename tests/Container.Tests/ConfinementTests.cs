using System.Text.Json;

namespace Gradients.Container.Tests;

/// <summary>What the server may do inside its container, and what the image holds.</summary>
public sealed class ConfinementTests(ServerImage image)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // The kernel's answer to a write from inside: the server writes its port file where it is told.
    private static readonly string[] WriteBesideTheBinary = ["serve", "--port-file", "/app/port"];

    [Fact]
    public async Task The_server_is_not_root()
    {
        await using var server = await ServerContainer.StartAsync(image, new(), Cancellation);
        var users = await server.UserIdsAsync(Cancellation);
        Assert.NotEmpty(users);
        Assert.DoesNotContain(0, users);
        var (exitCode, error) = await ServerContainer.RunAsync(image, new(ReadOnly: false), WriteBesideTheBinary, Cancellation);
        Assert.Equal(1, exitCode);
        Assert.Contains("denied", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_root_file_system_is_read_only()
    {
        var (exitCode, error) = await ServerContainer.RunAsync(image, new(), WriteBesideTheBinary, Cancellation);
        Assert.Equal(1, exitCode);
        Assert.Contains("Read-only file system", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_bill_of_materials_lists_every_package_of_the_lock_file()
    {
        await using var server = await ServerContainer.StartAsync(image, new(), Cancellation);
        using var bill = JsonDocument.Parse(await server.Container.ReadFileAsync("/app/sbom.cdx.json", Cancellation));
        using var locked = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(ServerImage.Root, "src", "Cli", "packages.lock.json"), Cancellation));
        var expected = locked.RootElement.GetProperty("dependencies").EnumerateObject()
            .SelectMany(framework => framework.Value.EnumerateObject())
            .Where(p => p.Value.GetProperty("type").GetString() != "Project")
            .Select(p => $"{p.Name} {p.Value.GetProperty("resolved").GetString()}")
            .Order(StringComparer.Ordinal);
        var components = bill.RootElement.GetProperty("components").EnumerateArray().ToArray();
        Assert.Equal(expected, components.Select(c => $"{c.GetProperty("name").GetString()} {c.GetProperty("version").GetString()}").Order(StringComparer.Ordinal));
        Assert.All(components, c => Assert.False(string.IsNullOrEmpty(c.GetProperty("licenses")[0].GetProperty("expression").GetString())));
        Assert.Equal(("CycloneDX", "1.6"), (bill.RootElement.GetProperty("bomFormat").GetString(), bill.RootElement.GetProperty("specVersion").GetString()));
    }
}
