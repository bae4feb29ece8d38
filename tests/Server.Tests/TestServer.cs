using Gradients.Engine.Execution;
using Gradients.Server.Hosting;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gradients.Server.Tests;

/// <summary>A server on a free loopback port, and a channel to it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private TestServer(WebApplication app)
    {
        App = app;
        Address = GradientsServer.Address(app);
        Channel = GrpcChannel.ForAddress(Address, new GrpcChannelOptions { MaxReceiveMessageSize = null });
        Sessions = new V1.SessionService.SessionServiceClient(Channel);
        Tensors = new V1.TensorService.TensorServiceClient(Channel);
        Evaluation = new V1.EvaluationService.EvaluationServiceClient(Channel);
        Graphs = new V1.GraphService.GraphServiceClient(Channel);
        Info = new V1.ServerService.ServerServiceClient(Channel);
    }

    public WebApplication App { get; }

    public Uri Address { get; }

    public GrpcChannel Channel { get; }

    public V1.SessionService.SessionServiceClient Sessions { get; }

    public V1.TensorService.TensorServiceClient Tensors { get; }

    public V1.EvaluationService.EvaluationServiceClient Evaluation { get; }

    public V1.GraphService.GraphServiceClient Graphs { get; }

    public V1.ServerService.ServerServiceClient Info { get; }

    public EngineHost Host => App.Services.GetRequiredService<EngineHost>();

    public static async Task<TestServer> StartAsync(GradientsServerOptions? options = null, TimeProvider? time = null, string[]? args = null, Action<WebApplicationBuilder>? configure = null)
    {
        options ??= new GradientsServerOptions();
        options.ComputeThreads = 2;
        options.PoisonReturnedMemory = true;
        var app = GradientsServer.Build(options, args, configure: builder =>
        {
            builder.Logging.ClearProviders();
            Tenants.TenantHeader.Trust(builder.Services);
            if (time is not null)
                builder.Services.AddSingleton(time);
            configure?.Invoke(builder);
        });
        await app.StartAsync();
        return new TestServer(app);
    }

    /// <summary>Opens a session and returns its name.</summary>
    public async Task<string> OpenAsync(TimeSpan? ttl = null) =>
        (await Sessions.CreateSessionAsync(new V1.CreateSessionRequest { Ttl = ttl is { } t ? Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(t) : null })).Session.Name;

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
    }
}
