using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;

namespace Gradients.Server.Wire;

/// <summary>Messages as the JSON of Protocol Buffers: shortest digits that read back as the same bits, int64 as strings, NaN and infinities by name.</summary>
internal static class JsonText
{
    private static readonly JsonFormatter Formatter =
        new(JsonFormatter.Settings.Default.WithTypeRegistry(TypeRegistry.FromMessages(ErrorInfo.Descriptor, BadRequest.Descriptor, QuotaFailure.Descriptor, RetryInfo.Descriptor)));

    public static string Of(IMessage message) => Formatter.Format(message);
}
