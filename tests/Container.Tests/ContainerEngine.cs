using Docker.DotNet;
using DotNet.Testcontainers.Configurations;

namespace Gradients.Container.Tests;

/// <summary>The container engine of this machine, when it has one.</summary>
internal static class ContainerEngine
{
    private static readonly Lazy<Task<string?>> Missing = new(ProbeAsync);

    /// <summary>For what Testcontainers does not offer; the caller disposes it.</summary>
    public static DockerClient Connect() =>
        TestcontainersSettings.OS.DockerEndpointAuthConfig!.GetDockerClientBuilder(Guid.NewGuid()).Build();

    /// <summary>Why there is none, or null.</summary>
    public static Task<string?> MissingAsync() => Missing.Value;

    private static async Task<string?> ProbeAsync()
    {
        if (Environment.GetEnvironmentVariable("CONTAINER_TESTS_SKIP_REASON") is { Length: > 0 } reason)
            return reason;
        if (TestcontainersSettings.OS.DockerEndpointAuthConfig is null)
            return "No container engine is configured.";
        try
        {
            using var client = Connect();
            await client.System.PingAsync();
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException or DockerApiException)
        {
            return $"No container engine answers: {e.Message}";
        }
    }
}
