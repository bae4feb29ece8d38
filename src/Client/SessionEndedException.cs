using Grpc.Core;

namespace Gradients.Client;

/// <summary>The session is gone: unknown, expired, or lost with an earlier start of the server. Its variables are gone with it.</summary>
public sealed class SessionEndedException : GradientsClientException
{
    internal SessionEndedException(StatusCode code, string reason, string message, IReadOnlyDictionary<string, string>? metadata, Exception? inner)
        : base(code, reason, message, metadata, inner)
    {
    }
}
