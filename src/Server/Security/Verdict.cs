using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Server.Security;

/// <summary>What comes of a credential: a caller, or a refusal that tells the client no more than whether it was missing.</summary>
internal sealed class Verdict
{
    private Verdict(Caller? caller, StatusCode code, string reason, string message, string cause)
    {
        Caller = caller;
        Code = code;
        Reason = reason;
        Message = message;
        Cause = cause;
    }

    public static Verdict Missing { get; } = new(null, StatusCode.Unauthenticated, ErrorReasons.Unauthenticated, "A credential is missing: send authorization: Bearer with an API key or a token.", "missing");

    public Caller? Caller { get; }

    public StatusCode Code { get; }

    public string Reason { get; }

    public string Message { get; }

    /// <summary>Why, in a word, for the log alone.</summary>
    public string Cause { get; }

    public static Verdict Accepted(Caller caller) => new(caller, StatusCode.OK, "", "", "");

    public static Verdict Invalid(string cause) => new(null, StatusCode.Unauthenticated, ErrorReasons.Unauthenticated, "The credential is not valid.", cause);

    public static Verdict Denied(string cause) => new(null, StatusCode.PermissionDenied, ErrorReasons.PermissionDenied, "The credential gives no access.", cause);
}
