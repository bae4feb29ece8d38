using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;

namespace Gradients.Client.Transport;

/// <summary>Opens channels with retries, credentials and certificates.</summary>
internal static class Channels
{
    /// <exception cref="ArgumentException">The address and the options do not go together.</exception>
    public static GrpcChannel Open(string address, GradientsClientOptions options)
    {
        var uri = new Uri(address);
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
            HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true, SslOptions = Ssl(options) },
            DisposeHttpClient = true,
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(50),
            MaxReconnectBackoff = TimeSpan.FromSeconds(2),
            ServiceConfig = new ServiceConfig { MethodConfigs = { Retry() } },
        });
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
