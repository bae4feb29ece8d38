using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Gradients.Benchmarks.Wire;

/// <summary>What would be generated for a service with a unary rpc each way, the tensor in a <c>bytes</c> field, and a stream of them that come back.</summary>
[BindServiceMethod(typeof(PlainServiceBase), nameof(BindService))]
internal abstract class PlainServiceBase
{
    public static readonly Method<BytesValue, Empty> UploadMethod = new(MethodType.Unary, "plain.Tensors", nameof(Upload), Marshaller(BytesValue.Parser), Marshaller(Empty.Parser));
    public static readonly Method<Empty, BytesValue> DownloadMethod = new(MethodType.Unary, "plain.Tensors", nameof(Download), Marshaller(Empty.Parser), Marshaller(BytesValue.Parser));

    public static readonly Method<BytesValue, BytesValue> EchoMethod = new(MethodType.DuplexStreaming, "plain.Tensors", nameof(Echo), Marshaller(BytesValue.Parser), Marshaller(BytesValue.Parser));

    public static void BindService(ServiceBinderBase binder, PlainServiceBase service)
    {
        binder.AddMethod(UploadMethod, service is null ? null! : service.Upload);
        binder.AddMethod(DownloadMethod, service is null ? null! : service.Download);
        binder.AddMethod(EchoMethod, service is null ? null! : service.Echo);
    }

    public abstract Task<Empty> Upload(BytesValue request, ServerCallContext context);

    public abstract Task<BytesValue> Download(Empty request, ServerCallContext context);

    public abstract Task Echo(IAsyncStreamReader<BytesValue> requests, IServerStreamWriter<BytesValue> responses, ServerCallContext context);

    private static Marshaller<T> Marshaller<T>(MessageParser<T> parser) where T : class, IMessage<T> => Marshallers.Create(Write, context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));

    private static void Write<T>(T message, SerializationContext context) where T : IMessage<T>
    {
        context.SetPayloadLength(message.CalculateSize());
        message.WriteTo(context.GetBufferWriter());
        context.Complete();
    }
}
