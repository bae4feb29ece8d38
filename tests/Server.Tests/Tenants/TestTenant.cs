using Grpc.Core.Interceptors;

namespace Gradients.Server.Tests.Tenants;

/// <summary>Clients whose calls are those of one tenant.</summary>
internal sealed class TestTenant
{
    public TestTenant(TestServer server, string name)
    {
        (Server, Name) = (server, name);
        var calls = server.Channel.Intercept(headers =>
        {
            headers.Add(TenantHeader.Name, name);
            return headers;
        });
        Sessions = new V1.SessionService.SessionServiceClient(calls);
        Tensors = new V1.TensorService.TensorServiceClient(calls);
        Evaluation = new V1.EvaluationService.EvaluationServiceClient(calls);
        Graphs = new V1.GraphService.GraphServiceClient(calls);
        Info = new V1.ServerService.ServerServiceClient(calls);
    }

    public TestServer Server { get; }

    public string Name { get; }

    public V1.SessionService.SessionServiceClient Sessions { get; }

    public V1.TensorService.TensorServiceClient Tensors { get; }

    public V1.EvaluationService.EvaluationServiceClient Evaluation { get; }

    public V1.GraphService.GraphServiceClient Graphs { get; }

    public V1.ServerService.ServerServiceClient Info { get; }

    /// <summary>Opens a session and returns its name.</summary>
    public async Task<string> OpenAsync(V1.RequestId? id = null) =>
        (await Sessions.CreateSessionAsync(new V1.CreateSessionRequest { RequestId = id })).Session.Name;
}
