using System.Globalization;
using Docker.DotNet;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using Gradients.Client;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Health = Grpc.Health.V1.Health;

namespace Gradients.Container.Tests;

/// <summary>A container of the image, as docker-compose.yml runs it: read-only, no capabilities. Disposing removes it.</summary>
internal sealed class ServerContainer : IAsyncDisposable
{
    private const int Port = 50051;

    private readonly DockerClient _engine = ContainerEngine.Connect();

    private ServerContainer(IContainer container) => Container = container;

    public IContainer Container { get; }

    public string Address => $"http://{Container.Hostname}:{Container.GetMappedPublicPort(Port)}";

    public string SecureAddress => Address.Replace("http://", "https://", StringComparison.Ordinal);

    /// <summary>Started, and healthy by the image's own health check.</summary>
    public static async Task<ServerContainer> StartAsync(ServerImage image, Settings settings, CancellationToken cancellation)
    {
        var server = new ServerContainer(Builder(image, settings)
            .WithPortBinding(Port, assignRandomHostPort: true)
            .WithWaitStrategy(Wait.ForUnixContainer().UntilContainerIsHealthy())
            .Build());
        try
        {
            await server.Container.StartAsync(cancellation).WaitAsync(TimeSpan.FromSeconds(60), cancellation);
            return server;
        }
        catch (TimeoutException)
        {
            var (output, error) = await server.Container.GetLogsAsync(ct: cancellation);
            await server.DisposeAsync();
            throw new TimeoutException($"The container does not get healthy.\n{output}{error}");
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the binary with other arguments to its end, alone in its container: exit code and standard error.</summary>
    public static async Task<(long ExitCode, string Error)> RunAsync(ServerImage image, Settings settings, string[] arguments, CancellationToken cancellation)
    {
        await using var container = Builder(image, settings).WithCommand(arguments).WithWaitStrategy(Wait.ForUnixContainer()).Build();
        await container.StartAsync(cancellation);
        var exitCode = await container.GetExitCodeAsync(cancellation).WaitAsync(TimeSpan.FromSeconds(60), cancellation);
        var (_, error) = await container.GetLogsAsync(ct: cancellation);
        return (exitCode, error);
    }

    public GrpcChannel OpenChannel() => GrpcChannel.ForAddress(Address);

    public GradientsClient OpenClient() => new(Address);

    public static async Task<HealthCheckResponse.Types.ServingStatus> HealthAsync(GrpcChannel channel, CancellationToken cancellation) =>
        (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), cancellationToken: cancellation)).Status;

    /// <summary>Sends SIGTERM and does not wait.</summary>
    public Task TerminateAsync(CancellationToken cancellation) =>
        _engine.Containers.KillContainerAsync(Container.Id, new ContainerKillParameters { Signal = "SIGTERM" }, cancellation);

    public Task<ContainerInspectResponse> InspectAsync(CancellationToken cancellation) =>
        _engine.Containers.InspectContainerAsync(Container.Id, cancellation);

    /// <summary>User ids of the processes inside, as the kernel has them.</summary>
    public async Task<IReadOnlyList<int>> UserIdsAsync(CancellationToken cancellation)
    {
        var processes = await _engine.Containers.ListProcessesAsync(Container.Id, new ContainerListProcessesParameters { PsArgs = "-o pid,uid" }, cancellation);
        var column = processes.Titles.IndexOf("UID");
        return [.. processes.Processes.Select(p => int.Parse(p[column], CultureInfo.InvariantCulture))];
    }

    public async ValueTask DisposeAsync()
    {
        await Container.DisposeAsync();
        _engine.Dispose();
    }

    private static ContainerBuilder Builder(ServerImage image, Settings settings) => new ContainerBuilder(image.Name)
        .WithEnvironment("GRADIENTS__ALLOWPLAINTEXT", "true")
        .WithEnvironment(settings.Environment)
        .WithCreateParameterModifier(create =>
        {
            create.HostConfig ??= new HostConfig();
            create.HostConfig.ReadonlyRootfs = settings.ReadOnly;
            create.HostConfig.CapDrop = ["ALL"];
            create.HostConfig.SecurityOpt = ["no-new-privileges:true"];
            create.HostConfig.Memory = settings.MemoryBytes;
            create.HostConfig.MemorySwap = settings.MemoryBytes;
            create.HostConfig.ExtraHosts = ["host.docker.internal:host-gateway"];
            if (settings.Secrets is { } folder)
                create.HostConfig.Binds = [$"{folder}:/secrets:ro"];
        });

    /// <summary>What differs between tests.</summary>
    /// <param name="MemoryBytes">The memory limit, swap included; 0 = none.</param>
    /// <param name="ReadOnly">Whether the root file system is.</param>
    internal sealed record Settings(long MemoryBytes = 0, bool ReadOnly = true)
    {
        public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

        /// <summary>A folder that is mounted at /secrets; null = none.</summary>
        public string? Secrets { get; init; }
    }
}
