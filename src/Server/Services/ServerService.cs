using Google.Protobuf.WellKnownTypes;
using Gradients.Engine.Kernels;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Sessions;
using Gradients.Server.Wire;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Describes the server.</summary>
internal sealed class ServerService(SessionRegistry sessions, GradientsServerOptions options) : V1.ServerService.ServerServiceBase
{
    private const int MaxPage = 1000;

    private static readonly V1.OpSchema[] Schemas = [.. OpCatalog.All.Select(op => SchemaWriter.Write(op.Schema)).OrderBy(s => s.Domain, StringComparer.Ordinal).ThenBy(s => s.Name, StringComparer.Ordinal)];

    public static string Version { get; } = typeof(ServerService).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    private static readonly string[] Everywhere = ["custom_gradients", "evaluate_stream", "expressions", "gradient_statistics", "graphs", "profiles", "tensor_lists"];

    /// <summary>Optional parts of the contract that are served; sessions and their handles not by a stateless server.</summary>
    private readonly string[] _features = options.Stateless ? Everywhere : [.. Everywhere, "callouts", "sessions", "tensor_handles", "unary_uploads"];

    public override Task<V1.GetServerInfoResponse> GetServerInfo(V1.GetServerInfoRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.GetServerInfoResponse
        {
            Version = Version,
            Incarnation = sessions.Incarnation.ToString("x8"),
            IsaLevel = IsaLevel.Name,
            Limits = Limits(TenantCall.Of(context).Tenant),
            DataTypes = { DataTypes.All.Select(WireTypes.Write) },
            Features = { _features },
            OnnxOpset = 17,
        });

    public override Task<V1.ListOpsResponse> ListOps(V1.ListOpsRequest request, ServerCallContext context)
    {
        var size = Paging.Size(request.PageSize, MaxPage, MaxPage);
        var start = request.PageToken.Length == 0 ? 0 : Paging.Position(request.PageToken);
        if (request.Names.Count > options.MaxValuesPerRequest)
            throw Refusals.OverLimit("names", "max_values_per_request", options.MaxValuesPerRequest, request.Names.Count);
        var names = request.Names.ToHashSet();
        var found = Schemas.Where(s => names.Count == 0 || names.Contains(s.Name)).Skip((int)Math.Min(start, int.MaxValue)).Take(size + 1).ToArray();
        var response = new V1.ListOpsResponse { Ops = { found.Take(size) } };
        if (found.Length > size)
            response.NextPageToken = Paging.Token(start + size);
        return Task.FromResult(response);
    }

    private V1.Limits Limits(TenantUsage tenant) => new()
    {
        MaxMessageBytes = (ulong)options.MaxMessageBytes,
        MaxTensorBytes = (ulong)options.MaxTensorBytes,
        MaxChunkBytes = (uint)options.MaxChunkBytes,
        PreferredChunkBytes = (uint)options.PreferredChunkBytes,
        MaxRank = Shape.MaxRank,
        MaxNodesPerRequest = (ulong)options.MaxNodesPerRequest,
        MaxValuesPerRequest = (ulong)options.MaxValuesPerRequest,
        MaxQueuedCommands = (uint)options.MaxQueuedCommands,
        MaxSessions = (uint)Math.Min(tenant.MaxSessions, options.MaxSessions),
        Session = new V1.SessionLimits { MaxBytes = (ulong)options.SessionMaxBytes, MaxNodes = (ulong)options.SessionMaxNodes, MaxRuns = (ulong)options.SessionMaxRuns },
        MaxSessionTtl = options.MaxSessionTtl.ToDuration(),
        DefaultSessionTtl = options.DefaultSessionTtl.ToDuration(),
        RunLifetime = options.RunLifetime.ToDuration(),
        UploadIdleTimeout = options.UploadIdleTimeout.ToDuration(),
        RequestIdWindow = (uint)options.RequestIdWindow,
        MemoryBudgetBytes = (ulong)options.MemoryBudgetBytes,
        CalloutTimeout = options.CalloutTimeout.ToDuration(),
        MaxListBytes = (ulong)options.MaxListBytes,
    };
}
