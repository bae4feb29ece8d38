using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Gradients.Engine;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Grpc.Core;

namespace Gradients.Server.Wire;

/// <summary>
/// A marshaller that bounds and counts what a message expands to before it is parsed, moves the contents of its tensors from
/// the connection to pooled memory, and says so when bytes are no message.
/// </summary>
internal static class GuardedMarshaller
{
    public static Marshaller<T> Of<T>(Marshaller<T> inner, GradientsServerOptions options)
    {
        var descriptor = (Activator.CreateInstance<T>() as IMessage)?.Descriptor
            ?? throw new InvalidOperationException($"{typeof(T)} is not a message.");
        return new Marshaller<T>(inner.ContextualSerializer, context => (T)Deserialize(context.PayloadAsReadOnlySequence(), descriptor, options.MaxMessageExpansionBytes));
    }

    private static IMessage Deserialize(in ReadOnlySequence<byte> payload, MessageDescriptor descriptor, long limit)
    {
        try
        {
            var lease = WireLease.Current;
            if (lease?.Destination is { } destination && descriptor == V1.UploadTensorRequest.Descriptor && ChunkReader.TryRead(payload, destination))
                return destination.Message;
            var table = MessageTable.For(descriptor);
            var estimate = ExpansionEstimate.Of(table, payload, limit);
            if (estimate.Cost > limit)
                throw Refusals.OverLimit("message", "max_message_expansion_bytes", limit, estimate.Cost);
            if (lease is null)
                return descriptor.Parser.ParseFrom(payload);
            lease.Receive(estimate.Cost + payload.Length - estimate.ContentBytes);
            return estimate.ContentBytes == 0 ? descriptor.Parser.ParseFrom(payload) : new DetachedContents(lease).Parse(payload, descriptor, table, estimate);
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
