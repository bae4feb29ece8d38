using Gradients.Engine;

namespace Gradients.Server.Errors;

/// <summary>Refusals that several places share.</summary>
internal static class Refusals
{
    public static GradientsException Field(string field, string message) =>
        GradientsException.Invalid(ErrorReasons.InvalidField, $"{field}: {message}").With("field", field);

    public static GradientsException Feature(string field, string message) =>
        GradientsException.Unimplemented(ErrorReasons.FeatureUnsupported, $"{field}: {message}").With("field", field);

    public static GradientsException Rpc(string name) =>
        GradientsException.Unimplemented(ErrorReasons.RpcUnimplemented, $"This server does not serve {name}.");

    public static GradientsException OverLimit(string field, string limit, long allowed, long value) =>
        GradientsException.Exhausted(ErrorReasons.LimitExceeded, $"{field}: {value} is above the limit of {allowed}.")
            .With("field", field).Limited(limit, value.ToString(), "server");

    public static GradientsException TooLarge(long bytes, long limit) =>
        GradientsException.Exhausted(ErrorReasons.MessageTooLarge, $"The reply has {bytes} bytes; a message has at most {limit}. Fetch handles and download them in chunks.")
            .Limited("max_message_bytes", bytes.ToString(), "server");

    public static GradientsException OverLists(long bytes, long limit) =>
        GradientsException.Exhausted(ErrorReasons.MessageTooLarge, $"The reply has {bytes} bytes of elements; as lists it takes {limit}. Ask for raw elements, or for handles and download them in chunks.")
            .Limited("max_list_bytes", bytes.ToString(), "server");

    public static GradientsException Stateless() =>
        GradientsException.Unimplemented(ErrorReasons.RpcUnimplemented, "This server is stateless: it keeps no sessions. Use EvaluationService.");
}
