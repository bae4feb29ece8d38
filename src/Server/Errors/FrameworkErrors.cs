using Gradients.Engine;
using Grpc.Core;
using Status = Google.Rpc.Status;

namespace Gradients.Server.Errors;

/// <summary>
/// The reasons behind statuses that the gRPC framework sets by itself. What it calls INTERNAL is a body that is not a
/// message; what it calls UNKNOWN is a fault of the server.
/// </summary>
internal static class FrameworkErrors
{
    public static Status Of(StatusCode code, string message) => code switch
    {
        StatusCode.ResourceExhausted => ErrorStatus.Of(GradientsException.Exhausted(ErrorReasons.MessageTooLarge, message).With("limit", "max_message_bytes")),
        StatusCode.Unimplemented => ErrorStatus.Of(code, message.Contains("encoding", StringComparison.OrdinalIgnoreCase) ? ErrorReasons.FeatureUnsupported : ErrorReasons.RpcUnimplemented, message),
        StatusCode.DeadlineExceeded => ErrorStatus.Of(code, ErrorReasons.DeadlineExceeded, "The deadline passed; nothing has changed."),
        StatusCode.Cancelled => ErrorStatus.Of(code, ErrorReasons.Cancelled, "The request was cancelled; nothing has changed."),
        StatusCode.Internal or StatusCode.InvalidArgument => ErrorStatus.Of(StatusCode.InvalidArgument, ErrorReasons.MalformedMessage, "The bytes are not a message of this contract."),
        StatusCode.Unavailable => ErrorStatus.Of(code, ErrorReasons.Draining, message),
        StatusCode.NotFound => ErrorStatus.Of(code, ErrorReasons.FeatureUnsupported, message),
        _ => ErrorStatus.Of(StatusCode.Internal, ErrorReasons.InternalError, "A fault of the server."),
    };
}
