using System.ComponentModel.DataAnnotations;
using Gradients.Server.Limits;
using Gradients.Server.Security;
using Gradients.Server.Telemetry;

namespace Gradients.Server.Hosting;

/// <summary>
/// Settings of a server: configuration section <c>Gradients</c>, environment variables <c>GRADIENTS__NAME</c>. Values out of
/// range stop the server before it listens. The server's own process listens on port 50051 where nothing else is said.
/// Limits are for all tenants together, beside those of each in <see cref="Quotas"/>; docs/limits.md lists them all. The
/// process needs <see cref="MemoryBudgetBytes"/> + <see cref="WireBudgetBytes"/> + 192 MiB of memory: the defaults are for
/// 2 cores and 4 GB.
/// </summary>
public sealed class GradientsServerOptions
{
    /// <summary>The IP address to listen on. The default value is 127.0.0.1.</summary>
    [Required]
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>The port, HTTP/2; 0 = a free one. The default value is 0.</summary>
    [Range(0, 65535)]
    public int Port { get; set; }

    /// <summary>
    /// A Unix domain socket beside the port, for clients on the same machine: its file, which is made at start and removed at
    /// stop. Without TLS: who may open the file may connect. The default value is none.
    /// </summary>
    public string? SocketPath { get; set; }

    /// <summary>Permissions of the socket's file. The default value is reading and writing by its owner alone.</summary>
    public UnixFileMode SocketMode { get; set; } = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>
    /// Whether the main listener may do without TLS. The default value is null: only where <see cref="Address"/> is loopback.
    /// </summary>
    public bool? AllowPlaintext { get; set; }

    /// <summary>Certificates. The default value is no TLS.</summary>
    public TlsOptions Tls { get; set; } = new();

    /// <summary>Ports for operators and probes. The default value is none; the server's own process has 50052 and 50053.</summary>
    public ManagementOptions Management { get; set; } = new();

    /// <summary>gRPC-Web and JSON. The default value is no listener for them.</summary>
    public WebOptions Web { get; set; } = new();

    /// <summary>Who may call. The default value is everyone.</summary>
    public AuthenticationOptions Authentication { get; set; } = new();

    /// <summary>Spans, metrics and logs.</summary>
    public TelemetryOptions Telemetry { get; set; } = new();

    /// <summary>What each tenant may use.</summary>
    public TenantQuota Quotas { get; set; } = new();

    /// <summary>What tenants of these names may use instead; upper and lower case are the same.</summary>
    public Dictionary<string, TenantQuota> Tenants { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Keeps no sessions, so that any replica can serve any call: SessionService and TensorService answer UNIMPLEMENTED,
    /// RPC_UNIMPLEMENTED. The default value is false.
    /// </summary>
    public bool Stateless { get; set; }

    /// <summary>
    /// A folder of requests that the server makes to itself before it says that it is ready: <c>*.json</c>, each an
    /// EvaluateRequest in proto3 JSON, those of a tenant in a folder of its name. Their graphs are stored, their plans compiled;
    /// what they do not feed is 0. A fault in one keeps the server from starting. The default value is empty: none.
    /// </summary>
    public string WarmUp { get; set; } = "";

    /// <summary>Whether everyone may call: then all callers are one tenant without a name.</summary>
    internal bool IsOpen => !Authentication.IsConfigured && Tls.ClientCertificates == ClientCertificatePolicy.None;

    /// <summary>Bytes of tensor memory, graphs and compilations of the whole server. The default value is 1 GiB.</summary>
    [Range(1L << 20, 1L << 46)]
    public long MemoryBudgetBytes { get; set; } = 1L << 30;

    /// <summary>
    /// Bytes of managed memory of requests and replies in flight, of the whole server; at least twice the largest message and
    /// what one expands to. The default value is 256 MiB.
    /// </summary>
    [Range(1L << 15, 1L << 40)]
    public long WireBudgetBytes { get; set; } = 256L << 20;

    /// <summary>Bytes of compiled plans. The default value is 64 MiB.</summary>
    [Range(1L << 16, 1L << 40)]
    public long PlanCacheBytes { get; set; } = 64L << 20;

    /// <summary>Stored graphs of all tenants; above it the one used longest ago is forgotten. The default value is 10,000.</summary>
    [Range(1, 1_000_000)]
    public int MaxGraphs { get; set; } = 10_000;

    /// <summary>
    /// Bytes of stored graphs of all tenants, a part of <see cref="MemoryBudgetBytes"/>; above it the one used longest ago is
    /// forgotten. The default value is 64 MiB.
    /// </summary>
    [Range(1L << 16, 1L << 40)]
    public long GraphStoreBytes { get; set; } = 64L << 20;

    /// <summary>Dedicated compute threads; 0 = the number of processors. The default value is 0.</summary>
    [Range(0, 1024)]
    public int ComputeThreads { get; set; }

    /// <summary>Floating-point operations of one request, by the plan's estimate. The default value is 10¹³.</summary>
    [Range(1.0, 1e21)]
    public double MaxFlopsPerRequest { get; set; } = 1e13;

    /// <summary>Sessions at the same time. The default value is 10,000.</summary>
    [Range(1, 1_000_000)]
    public int MaxSessions { get; set; } = 10_000;

    /// <summary>Tenants that are served at the same time, idle ones included for 10 minutes. The default value is 1,000.</summary>
    [Range(1, 1_000_000)]
    public int MaxTenants { get; set; } = 1_000;

    /// <summary>Nodes defined in all sessions. The default value is 2,000,000.</summary>
    [Range(1L, 1_000_000_000L)]
    public long MaxNodes { get; set; } = 2_000_000;

    /// <summary>Nodes that one request may expand to, functions and gradients included. The default value is 4,000,000.</summary>
    [Range(1, 100_000_000)]
    public int MaxExpandedNodes { get; set; } = 4_000_000;

    /// <summary>Runs kept in all sessions. The default value is 10,000.</summary>
    [Range(1, 10_000_000)]
    public int MaxRuns { get; set; } = 10_000;

    /// <summary>Uploads at the same time. The default value is 128.</summary>
    [Range(1, 100_000)]
    public int MaxUploads { get; set; } = 128;

    /// <summary>Calls at the same time, streams included. The default value is 4,096.</summary>
    [Range(1, 1_000_000)]
    public int MaxConcurrentCalls { get; set; } = 4_096;

    /// <summary>Streaming calls at the same time. The default value is 2,048.</summary>
    [Range(1, 1_000_000)]
    public int MaxStreams { get; set; } = 2_048;

    /// <summary>Bytes that a client may send on one two-way stream, all messages together. The default value is 1 TiB.</summary>
    [Range(1L << 12, 1L << 46)]
    public long MaxStreamBytes { get; set; } = 1L << 40;

    /// <summary>Connections to each listener at the same time; more are closed at once. The default value is 1,024.</summary>
    [Range(1, 1_000_000)]
    public int MaxConnections { get; set; } = 1_024;

    /// <summary>Bytes that one session may hold. The default value is 1 GiB.</summary>
    [Range(1L << 10, 1L << 46)]
    public long SessionMaxBytes { get; set; } = 1L << 30;

    /// <summary>Nodes of one session. The default value is 1,000,000.</summary>
    [Range(1, 100_000_000)]
    public int SessionMaxNodes { get; set; } = 1_000_000;

    /// <summary>Runs that one session keeps. The default value is 64.</summary>
    [Range(1, 1_000_000)]
    public int SessionMaxRuns { get; set; } = 64;

    /// <summary>How long a run is kept without being used. The default value is 10 minutes.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "365.00:00:00")]
    public TimeSpan RunLifetime { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Tensors that one session keeps by handle. The default value is 10,000.</summary>
    [Range(1, 10_000_000)]
    public int SessionMaxTensors { get; set; } = 10_000;

    /// <summary>Commands of one session that wait, and results of one stream that are not yet read. The default value is 1,024.</summary>
    [Range(1, 1_000_000)]
    public int MaxQueuedCommands { get; set; } = 1024;

    /// <summary>How long a command may wait for its turn; what waited longer is refused, not executed. The default value is 2 minutes.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "1.00:00:00")]
    public TimeSpan MaxQueueWait { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Stored replies of one session for repeated request ids. The default value is 256.</summary>
    [Range(1, 65536)]
    public int RequestIdWindow { get; set; } = 256;

    /// <summary>Bytes of one message, received or sent. The default value is 4 MiB.</summary>
    [Range(1 << 12, 1 << 30)]
    public int MaxMessageBytes { get; set; } = 4 << 20;

    /// <summary>
    /// Bytes of managed memory that a received message may expand to, by an estimate made before it is parsed. The default
    /// value is 48 MiB.
    /// </summary>
    [Range(1L << 14, 1L << 34)]
    public long MaxMessageExpansionBytes { get; set; } = 48L << 20;

    /// <summary>Bytes of one tensor, uploaded or sent. The default value is 512 MiB.</summary>
    [Range(1L, 1L << 46)]
    public long MaxTensorBytes { get; set; } = 512L << 20;

    /// <summary>Bytes of elements that travel as lists in one tensor of a request, or in one reply. The default value is 1 MiB.</summary>
    [Range(1L, 1L << 30)]
    public long MaxListBytes { get; set; } = 1L << 20;

    /// <summary>Bytes of one chunk at most; with its header it must fit a message. The default value is 1 MiB.</summary>
    [Range(1, 1 << 30)]
    public int MaxChunkBytes { get; set; } = 1 << 20;

    /// <summary>Bytes of a chunk that serve best. The default value is 256 KiB.</summary>
    [Range(1, 1 << 30)]
    public int PreferredChunkBytes { get; set; } = 256 << 10;

    /// <summary>Nodes in one request. The default value is 1,000,000.</summary>
    [Range(1, 100_000_000)]
    public int MaxNodesPerRequest { get; set; } = 1_000_000;

    /// <summary>Feeds, fetches, roots, wrt values or updates in one request, each. The default value is 10,000.</summary>
    [Range(1, 10_000_000)]
    public int MaxValuesPerRequest { get; set; } = 10_000;

    /// <summary>HTTP/2 streams of one connection at the same time. The default value is 256.</summary>
    [Range(1, 100_000)]
    public int MaxStreamsPerConnection { get; set; } = 256;

    /// <summary>Bytes that the streams of one connection may send ahead of their reading, together. The default value is 32 MiB.</summary>
    [Range(1 << 16, 1 << 30)]
    public int ConnectionWindowBytes { get; set; } = 32 << 20;

    /// <summary>Bytes that one stream may send ahead of its reading; at most those of the connection. The default value is 16 MiB.</summary>
    [Range(1 << 16, 1 << 30)]
    public int StreamWindowBytes { get; set; } = 16 << 20;

    /// <summary>
    /// Bytes of connections' buffers in blocks of 64 KiB, of the whole server. What is above is in blocks of 4 KiB, which count
    /// to <see cref="MemoryBudgetBytes"/> and may exceed it by as much again. The default value is 32 MiB.
    /// </summary>
    [Range(0L, 1L << 40)]
    public long ConnectionBufferBytes { get; set; } = 32L << 20;

    /// <summary>Time without requests after which a session ends that asks for none. The default value is 10 minutes.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "365.00:00:00")]
    public TimeSpan DefaultSessionTtl { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>The longest time to live that a session is granted. The default value is 24 hours.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "365.00:00:00")]
    public TimeSpan MaxSessionTtl { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Time between two looks for expired sessions. The default value is 5 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "01:00:00")]
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time that an Interact stream may be without traffic and work. The default value is 10 minutes.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "30.00:00:00")]
    public TimeSpan StreamIdleTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Time that a client has to answer a call-out. The default value is 1 minute.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "1.00:00:00")]
    public TimeSpan CalloutTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Time that an upload may pause between chunks, and a message of a two-way stream in its middle. The default value is 30 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan UploadIdleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The least rate of an upload, and of a message of a two-way stream, after its first pause's worth of time, in bytes per second. The default value is 4 KiB.</summary>
    [Range(0, 1 << 30)]
    public int UploadMinBytesPerSecond { get; set; } = 4096;

    /// <summary>Time that work in flight has at shutdown. The default value is 30 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Returned tensor memory is filled with NaN; tests switch it on. The default value is false.</summary>
    public bool PoisonReturnedMemory { get; set; }
}
