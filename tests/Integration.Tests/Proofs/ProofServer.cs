using Gradients.Client;
using Gradients.Engine.Execution;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>A server on a free loopback port whose returned tensor memory is filled with NaN. Disposing demands an empty ledger.</summary>
internal sealed class ProofServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly List<Link> _links = [];

    private ProofServer(WebApplication app)
    {
        _app = app;
        Address = GradientsServer.Address(app);
        Main = Connect();
    }

    public Uri Address { get; }

    /// <summary>Where the web port is, when it was configured.</summary>
    public Uri? WebAddress => GradientsServer.WebAddress(_app);

    public EngineHost Host => _app.Services.GetRequiredService<EngineHost>();

    /// <summary>The connection of calls that are not to be cut.</summary>
    public Link Main { get; }

    public V1.SessionService.SessionServiceClient Sessions => Main.Sessions;

    public static async Task<ProofServer> StartAsync(int threads = 2, Action<GradientsServerOptions>? configure = null)
    {
        var options = new GradientsServerOptions { ComputeThreads = threads, PoisonReturnedMemory = true };
        configure?.Invoke(options);
        var app = GradientsServer.Build(options, configure: builder => builder.Logging.ClearProviders());
        await app.StartAsync();
        return new ProofServer(app);
    }

    /// <summary>Another connection.</summary>
    public Link Connect()
    {
        var link = new Link(Address);
        _links.Add(link);
        return link;
    }

    /// <summary>A client of the SDK over a connection of its own.</summary>
    public GradientsClient ConnectClient() => new(Connect().Channel);

    /// <summary>Opens a session, with these nodes, and returns its name.</summary>
    public async Task<string> OpenAsync(params V1.Node[] nodes)
    {
        var name = (await Sessions.CreateSessionAsync(new V1.CreateSessionRequest())).Session.Name;
        if (nodes.Length > 0)
            await Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = name, Nodes = { nodes } });
        return name;
    }

    public async Task SetAsync(string session, params (ulong Variable, V1.Tensor Value)[] values) =>
        await Sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = session, Updates = { values.Select(v => new V1.VariableUpdate { Variable = v.Variable, Tensor = v.Value }) } });

    /// <summary>A variable with value and accumulated gradient (null when absent).</summary>
    public async Task<V1.VariableState> VariableAsync(string session, ulong variable) =>
        (await Sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = session, Variables = { variable }, Contents = { V1.VariableContent.Value, V1.VariableContent.Gradient } })).Variables[0];

    public async Task DeleteAsync(string session) => await Sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = session });

    /// <summary>Waits until a plan holds its arena, that is, until something computes.</summary>
    public Task ComputesAsync() => Eventually.HoldsAsync(() => Host.Pool.Ledger().ContainsKey("arena"), () => "no request computes");

    /// <summary>Waits until no plan holds an arena.</summary>
    public Task RestsAsync() => Eventually.HoldsAsync(() => !Host.Pool.Ledger().ContainsKey("arena"), () => "a request still computes");

    /// <summary>Waits until every buffer is back.</summary>
    public Task EmptyAsync() => Eventually.HoldsAsync(() => Host.Pool.RentedCount == 0, () => "still rented: " + string.Join(", ", Host.Pool.Ledger()));

    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links)
            link.Dispose();
        var host = Host;
        await _app.StopAsync();
        await _app.DisposeAsync();
        Assert.Empty(host.Pool.Ledger());
    }
}
