using Grpc.Core;

namespace Gradients.Client;

/// <summary>Element types do not fit each other, the op or the declared type (<c>DATA_TYPE_MISMATCH</c>). Nothing is promoted in silence: add a cast.</summary>
public sealed class DataTypeMismatchException : GradientsClientException
{
    internal DataTypeMismatchException(StatusCode code, string reason, string message, IReadOnlyDictionary<string, string>? metadata, Exception? inner)
        : base(code, reason, message, metadata, inner)
    {
    }
}
