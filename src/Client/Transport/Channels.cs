using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;

namespace Gradients.Client.Transport;

/// <summary>Opens channels with retries, credentials and certificates.</summary>
internal static class Channels
{
    private const string SocketScheme = "unix:";

    // What a download may send ahead of its reading.
    private const int StreamWindowBytes = 4 << 20;

    /// <exception cref="ArgumentException">The address and the options do not go together.</exception>
    public static GrpcChannel Open(string address, GradientsClientOptions options)
    {
        var socket = address.StartsWith(SocketScheme, StringComparison.OrdinalIgnoreCase) ? PathOf(address) : null;
        var uri = new Uri(socket is null ? address : "http://localhost");
        var isSecure = uri.Scheme == Uri.UriSchemeHttps;
        var token = Token(options);
        if (token is not null && !isSecure && !uri.IsLoopback && !options.AllowPlaintextCredentials)
            throw new ArgumentException($"Credentials are not sent to {uri.Authority} without TLS: use https, or set {nameof(options.AllowPlaintextCredentials)} where the network itself is trusted.", nameof(address));
        if (!isSecure && (options.ServerCaFile ?? options.ClientCertificateFile) is not null)
            throw new ArgumentException("Certificates need an https address.", nameof(address));
        if (options is { ClientKeyFile: not null, ClientCertificateFile: null })
            throw new ArgumentException($"{nameof(options.ClientKeyFile)} needs {nameof(options.ClientCertificateFile)}.", nameof(options));
        ChannelCredentials credentials = isSecure ? ChannelCredentials.SecureSsl : ChannelCredentials.Insecure;
        return GrpcChannel.ForAddress(uri, new GrpcChannelOptions
        {
            Credentials = token is null ? credentials : ChannelCredentials.Create(credentials, CallCredentials.FromInterceptor(async (context, metadata) => metadata.Add("authorization", $"Bearer {await token(context.CancellationToken).ConfigureAwait(false)}"))),
            UnsafeUseInsecureChannelCallCredentials = !isSecure,
            HttpHandler = new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true,
                InitialHttp2StreamWindowSize = StreamWindowBytes,
                SslOptions = Ssl(options),
                ConnectCallback = socket is null ? null : (_, cancellation) => ConnectAsync(socket, cancellation),
            },
            DisposeHttpClient = true,
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(50),
            MaxReconnectBackoff = TimeSpan.FromSeconds(2),
            ServiceConfig = new ServiceConfig { MethodConfigs = { Retry() } },
        });
    }

    /// <summary>The path of <c>unix:/path</c> or <c>unix:///path</c>.</summary>
    private static string PathOf(string address)
    {
        var path = address[SocketScheme.Length..];
        if (path.StartsWith("//", StringComparison.Ordinal))
            path = path[2..];
        return path.Length > 0 ? path : throw new ArgumentException($"'{address}' names no file; an address of a socket is unix:/path.", nameof(address));
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static Func<CancellationToken, ValueTask<string>>? Token(GradientsClientOptions options)
    {
        if (options is { ApiKey: not null, TokenProvider: not null })
            throw new ArgumentException($"Set either {nameof(options.ApiKey)} or {nameof(options.TokenProvider)}.", nameof(options));
        if (options.ApiKey is not { } key)
            return options.TokenProvider;
        if (key.Length == 0 || key.Any(c => c is <= ' ' or > '~'))
            throw new ArgumentException($"{nameof(options.ApiKey)} is empty or has characters that no key has, such as a line break.", nameof(options));
        return _ => ValueTask.FromResult(key);
    }

    private static SslClientAuthenticationOptions Ssl(GradientsClientOptions options)
    {
        var ssl = new SslClientAuthenticationOptions();
        if (options.ServerCaFile is { } roots)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(roots);
            ssl.CertificateChainPolicy = policy;
        }

        if (options.ClientCertificateFile is { } file)
        {
            var own = X509Certificate2.CreateFromPemFile(file, options.ClientKeyFile);
            var all = new X509Certificate2Collection();
            all.ImportFromPemFile(file);
            ssl.ClientCertificateContext = SslStreamCertificateContext.Create(own, new X509Certificate2Collection(all.Where(c => c.Thumbprint != own.Thumbprint).ToArray()), offline: true);
        }

        return ssl;
    }

    private static MethodConfig Retry() => new()
    {
        Names =
        {
            new MethodName { Service = "gradients.v1.ServerService" },
            new MethodName { Service = "gradients.v1.EvaluationService", Method = "Evaluate" },
            new MethodName { Service = "gradients.v1.GraphService" },
            new MethodName { Service = "gradients.v1.SessionService", Method = "CreateSession" },
            new MethodName { Service = "gradients.v1.SessionService", Method = "GetSession" },
        },
        RetryPolicy = new RetryPolicy
        {
            MaxAttempts = 4,
            InitialBackoff = TimeSpan.FromMilliseconds(100),
            MaxBackoff = TimeSpan.FromSeconds(2),
            BackoffMultiplier = 2,
            RetryableStatusCodes = { StatusCode.Unavailable },
        },
    };
}
