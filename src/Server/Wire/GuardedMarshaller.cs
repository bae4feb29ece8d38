using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Gradients.Engine;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Grpc.Core;

namespace Gradients.Server.Wire;

/// <summary>A marshaller that bounds and counts what a message expands to before it is parsed, and says so when bytes are no message.</summary>
internal static class GuardedMarshaller
{
    public static Marshaller<T> Of<T>(Marshaller<T> inner, GradientsServerOptions options)
    {
        var descriptor = (Activator.CreateInstance<T>() as IMessage)?.Descriptor
            ?? throw new InvalidOperationException($"{typeof(T)} is not a message.");
        var estimate = ExpansionEstimate.For(descriptor);
        return new Marshaller<T>(inner.ContextualSerializer, context => Deserialize(context, inner, estimate, options.MaxMessageExpansionBytes));
    }

    private static T Deserialize<T>(DeserializationContext context, Marshaller<T> inner, ExpansionEstimate estimate, long limit)
    {
        try
        {
            var payload = context.PayloadAsReadOnlySequence();
            var bytes = estimate.Of(payload, limit);
            if (bytes > limit)
                throw Refusals.OverLimit("message", "max_message_expansion_bytes", limit, bytes);
            WireLease.Current?.Receive(bytes + payload.Length);
            return inner.ContextualDeserializer(context);
        }
        catch (GradientsException e)
        {
            throw ErrorStatus.Of(e).ToRpcException();
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidOperationException or ArgumentException or OverflowException or FormatException)
        {
            throw ErrorStatus.Of(GradientsException.Invalid(ErrorReasons.MalformedMessage, "The bytes are not a message of this contract.")).ToRpcException();
        }
    }
}
