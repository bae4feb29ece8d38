using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Gradients.Client.Protocol;
using Gradients.Client.Transport;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace Gradients.Client;

/// <summary>A connection to a server. Thread-safe; one per server is enough for any number of sessions.</summary>
public sealed partial class GradientsClient : IAsyncDisposable
{
    private readonly GrpcChannel? _owned;
    private readonly CallInvoker _invoker;
    private readonly TimeProvider _time;
    private readonly V1.ServerService.ServerServiceClient _server;
    private V1.GetServerInfoResponse? _info;

    /// <summary>Connects to an address; the connection is opened with the first request. Unary requests are tried again while the server is unavailable.</summary>
    /// <param name="address">Such as <c>http://localhost:50051</c>, or <c>https://</c> with a host for TLS, or <c>unix:/path</c> for a socket of this machine.</param>
    /// <param name="options">Credentials and certificates. Default none, and the machine's trusted roots.</param>
    /// <exception cref="ArgumentException">The address and the options do not go together: credentials would leave this machine without TLS.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="System.Security.Cryptography.CryptographicException">A file has no certificate or key.</exception>
    public GradientsClient(string address, GradientsClientOptions? options = null)
        : this(Channels.Open(address, options ?? new GradientsClientOptions()), (TimeProvider?)null) => _owned = (GrpcChannel)Channel!;

    /// <summary>Uses a channel, which stays the caller's, with its credentials, retries and limits.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="timeProvider">The clock of reconnections. Default the system's.</param>
    public GradientsClient(ChannelBase channel, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        Channel = channel;
        _invoker = channel.CreateCallInvoker().Intercept(new CallTracing());
        _time = timeProvider ?? TimeProvider.System;
        _server = new V1.ServerService.ServerServiceClient(_invoker);
    }

    private ChannelBase Channel { get; }

    /// <summary>Opens a session.</summary>
    /// <param name="options">Name, life time, limits. Default the server's defaults.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Session> CreateSessionAsync(SessionOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new SessionOptions();
        _info ??= await GetServerInfoAsync(cancellationToken).ConfigureAwait(false);
        var request = new V1.CreateSessionRequest
        {
            RequestId = new V1.RequestId { ClientId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()), Number = 1 },
            Label = options.Label,
        };
        if (options.TimeToLive is { } ttl)
            request.Ttl = Duration.FromTimeSpan(ttl);
        if (options.MaxBytes > 0)
            request.Limits = new V1.SessionLimits { MaxBytes = options.MaxBytes };
        var sessions = new V1.SessionService.SessionServiceClient(_invoker);
        var response = await CallAsync(sessions.CreateSessionAsync(request, cancellationToken: cancellationToken), cancellationToken).ConfigureAwait(false);
        return new Session(response.Session, _invoker, _info.Limits ?? new V1.Limits(), options, _time);
    }

    /// <summary>Version, limits and features of the server.</summary>
    public Task<V1.GetServerInfoResponse> GetServerInfoAsync(CancellationToken cancellationToken = default) =>
        CallAsync(_server.GetServerInfoAsync(new V1.GetServerInfoRequest(), cancellationToken: cancellationToken), cancellationToken);

    /// <summary>The schemas of the server's ops, by domain and name.</summary>
    /// <param name="names">Only these; unknown names are left out. Default all.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<V1.OpSchema>> ListOpsAsync(IEnumerable<string>? names = null, CancellationToken cancellationToken = default)
    {
        var request = new V1.ListOpsRequest { Names = { names ?? [] } };
        var ops = new List<V1.OpSchema>();
        do
        {
            var page = await CallAsync(_server.ListOpsAsync(request, cancellationToken: cancellationToken), cancellationToken).ConfigureAwait(false);
            ops.AddRange(page.Ops);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return ops;
    }

    /// <summary>Closes the connection that an address opened. Sessions are to be disposed before.</summary>
    public ValueTask DisposeAsync()
    {
        _owned?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static async Task<T> CallAsync<T>(AsyncUnaryCall<T> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call.ConfigureAwait(false);
        }
        catch (RpcException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Errors.Remote(e);
        }
        finally
        {
            call.Dispose();
        }
    }
}
