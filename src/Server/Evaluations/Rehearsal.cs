using System.Net;
using Gradients.Engine.Execution;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Security;
using Gradients.Server.Telemetry;
using Gradients.Server.Web;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Evaluations;

/// <summary>
/// Goes once through what lies between a connection and an evaluation, so that the code of it is compiled before the first client
/// comes: a probe over a connection of its own, and requests that are handed to the service as gRPC hands them. What it is
/// answered does not matter.
/// </summary>
internal sealed class Rehearsal(Listeners listeners, IServiceProvider services, EngineHost host, ILogger<Rehearsal> logger)
{
    private const string Probe = "/grpc.health.v1.Health/Check";
    private const string Evaluate = "/gradients.v1.EvaluationService/Evaluate";

    /// <summary>Connects to the server's own port; where that asks for a certificate of the client, as far as it gets.</summary>
    public async Task ConnectAsync(CancellationToken cancellation)
    {
        var address = new UriBuilder(listeners.Address(Listener.Main)!);
        if (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)))
            address.Host = ip.Equals(IPAddress.Any) ? $"{IPAddress.Loopback}" : $"[{IPAddress.IPv6Loopback}]";
        address.Path = Probe;

        // The certificate is the server's own, whatever name it is for.
        var own = services.GetService<TlsFiles>()?.Current.ServerCertificateContext?.TargetCertificate;
        using var handler = new SocketsHttpHandler { UseProxy = false, SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => own?.Equals(shown) == true } };
        using var http = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(10) };
        using var request = new HttpRequestMessage(HttpMethod.Post, address.Uri)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Headers = { { "te", "trailers" } },
            Content = new ByteArrayContent(new byte[FrameBody.HeaderBytes]) { Headers = { ContentType = new("application/grpc") } },
        };
        try
        {
            using var response = await http.SendAsync(request, cancellation);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            logger.NotRehearsed(address.Uri.ToString(), e.Message);
        }
    }

    /// <summary>Evaluates by way of the service.</summary>
    public async Task EvaluateAsync(V1.EvaluateRequest request, string name, TenantUsage tenant, CancellationToken cancellation)
    {
        var endpoint = services.GetRequiredService<EndpointDataSource>().Endpoints.First(e => e.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.FullName == Evaluate);
        await using var scope = services.CreateAsyncScope();
        var context = new DefaultHttpContext { RequestServices = scope.ServiceProvider, RequestAborted = cancellation };
        (context.Request.Method, context.Request.Protocol, context.Request.Path, context.Request.ContentType) = (HttpMethods.Post, HttpProtocol.Http2, Evaluate, "application/grpc");
        context.Features.Set<IRequestBodyPipeFeature>(new FrameBody(FrameBody.Frame(request)));
        context.Features.Set<IHttpResponseTrailersFeature>(new Trailers());
        context.Features.Set(new Caller(name));
        context.SetEndpoint(endpoint);
        using var lease = new WireLease(host.Pool, tenant.Wire, tenant.Bytes);
        WireLease.Current = lease;
        await endpoint.RequestDelegate!(context);
    }

    private sealed class Trailers : IHttpResponseTrailersFeature
    {
        IHeaderDictionary IHttpResponseTrailersFeature.Trailers { get; set; } = new HeaderDictionary();
    }
}
