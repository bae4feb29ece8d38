using Grpc.Core;

namespace Gradients.Client;

/// <summary>Shapes do not fit each other, the op or the declared type (<c>SHAPE_MISMATCH</c>).</summary>
public sealed class ShapeMismatchException : GradientsClientException
{
    internal ShapeMismatchException(StatusCode code, string reason, string message, IReadOnlyDictionary<string, string>? metadata, Exception? inner)
        : base(code, reason, message, metadata, inner)
    {
    }
}
