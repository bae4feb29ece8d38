using Gradients.Benchmarks.Processes;
using Gradients.Testing;

namespace Gradients.Benchmarks.Remote;

/// <summary>A server that is reached over TCP and a Unix domain socket, and one over TLS.</summary>
internal sealed class RemoteServers : IDisposable
{
    /// <summary>64 messages of 64 steps wait at once.</summary>
    private const string QueuedCommands = "8192";

    private readonly TemporaryFolder _folder;
    private readonly ServerProcess _secure;

    private RemoteServers(TemporaryFolder folder, ServerProcess plain, ServerProcess secure, Endpoint[] endpoints) =>
        (_folder, Plain, _secure, Endpoints) = (folder, plain, secure, endpoints);

    /// <summary>The one without TLS.</summary>
    public ServerProcess Plain { get; }

    /// <summary>UDS, TCP, TCP with TLS.</summary>
    public IReadOnlyList<Endpoint> Endpoints { get; }

    public static async Task<RemoteServers> StartAsync()
    {
        var folder = new TemporaryFolder();
        using var authority = new Authority();
        var issued = authority.Issue(Authority.ServerAuthentication);
        var socket = folder["gradients.sock"];
        var plain = await ServerProcess.StartAsync(new Dictionary<string, string> { ["GRADIENTS__MAXQUEUEDCOMMANDS"] = QueuedCommands, ["GRADIENTS__SOCKETPATH"] = socket });
        var secure = await ServerProcess.StartAsync(new Dictionary<string, string>
        {
            ["GRADIENTS__MAXQUEUEDCOMMANDS"] = QueuedCommands,
            ["GRADIENTS__TLS__CERTIFICATEFILE"] = Write("server.pem", issued.CertificatePem),
            ["GRADIENTS__TLS__KEYFILE"] = Write("server.key", issued.KeyPem),
        });
        return new RemoteServers(folder, plain, secure,
        [
            new("UDS", $"unix:{socket}"),
            new("TCP", plain.Address.ToString()),
            new("TCP+TLS", secure.Address.ToString(), Write("root.pem", authority.RootPem)),
        ]);

        string Write(string name, string pem)
        {
            File.WriteAllText(folder[name], pem);
            return folder[name];
        }
    }

    public void Dispose()
    {
        Plain.Dispose();
        _secure.Dispose();
        _folder.Dispose();
    }
}
