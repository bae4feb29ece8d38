namespace Gradients.Server.Telemetry;

/// <summary>Names and values of OpenTelemetry's semantic conventions for remote procedure calls, version 1.40.0.</summary>
internal static class RpcConventions
{
    public const string System = "rpc.system.name";
    public const string Grpc = "grpc";
    public const string Method = "rpc.method";
    public const string StatusCode = "rpc.response.status_code";
    public const string ErrorType = "error.type";

    /// <summary>Stands for every method that is not bound.</summary>
    public const string OtherMethod = "_OTHER";

    public static readonly double[] DurationBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    private static readonly string[] Names =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ];

    public static string Text(global::Grpc.Core.StatusCode code) => (uint)code < (uint)Names.Length ? Names[(int)code] : "UNKNOWN";

    /// <summary>Whether a server's call that ends so is an error of the server.</summary>
    public static bool IsError(global::Grpc.Core.StatusCode code) => code is global::Grpc.Core.StatusCode.Unknown or global::Grpc.Core.StatusCode.DeadlineExceeded or global::Grpc.Core.StatusCode.Unimplemented or global::Grpc.Core.StatusCode.Internal or global::Grpc.Core.StatusCode.Unavailable or global::Grpc.Core.StatusCode.DataLoss;
}
