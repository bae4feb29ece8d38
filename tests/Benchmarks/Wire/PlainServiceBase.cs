using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Gradients.Benchmarks.Wire;

/// <summary>What would be generated for a service with a unary rpc each way, the tensor in a <c>bytes</c> field, and a stream of them that come back.</summary>
[BindServiceMethod(typeof(PlainServiceBase), nameof(BindService))]
internal abstract class PlainServiceBase
{
    /// <summary>Messages that nobody looks at when they arrive: all that is left is what moving them takes.</summary>
    private static readonly BytesValue Nothing = new();
    private static readonly Marshaller<BytesValue> Ignored = Marshallers.Create<BytesValue>(Write, _ => Nothing);

    public static readonly Method<BytesValue, Empty> UploadMethod = new(MethodType.Unary, "plain.Tensors", nameof(Upload), Marshaller(BytesValue.Parser), Marshaller(Empty.Parser));
    public static readonly Method<Int32Value, BytesValue> DownloadMethod = new(MethodType.Unary, "plain.Tensors", nameof(Download), Marshaller(Int32Value.Parser), Marshaller(BytesValue.Parser));

    public static readonly Method<Empty, Empty> CallMethod = new(MethodType.Unary, "plain.Tensors", nameof(Call), Marshaller(Empty.Parser), Marshaller(Empty.Parser));

    public static readonly Method<BytesValue, BytesValue> EchoMethod = new(MethodType.DuplexStreaming, "plain.Tensors", nameof(Echo), Marshaller(BytesValue.Parser), Marshaller(BytesValue.Parser));

    public static readonly Method<BytesValue, Empty> SendMethod = new(MethodType.ClientStreaming, "plain.Tensors", nameof(Send), Ignored, Marshaller(Empty.Parser));
    public static readonly Method<Int32Value, BytesValue> ReceiveMethod = new(MethodType.ServerStreaming, "plain.Tensors", nameof(Receive), Marshaller(Int32Value.Parser), Ignored);

    public static void BindService(ServiceBinderBase binder, PlainServiceBase service)
    {
        binder.AddMethod(UploadMethod, service is null ? null! : service.Upload);
        binder.AddMethod(DownloadMethod, service is null ? null! : service.Download);
        binder.AddMethod(CallMethod, service is null ? null! : service.Call);
        binder.AddMethod(EchoMethod, service is null ? null! : service.Echo);
        binder.AddMethod(SendMethod, service is null ? null! : service.Send);
        binder.AddMethod(ReceiveMethod, service is null ? null! : service.Receive);
    }

    public abstract Task<Empty> Upload(BytesValue request, ServerCallContext context);

    /// <summary>Returns the newest tensor of so many bytes.</summary>
    public abstract Task<BytesValue> Download(Int32Value request, ServerCallContext context);

    /// <summary>Does nothing.</summary>
    public abstract Task<Empty> Call(Empty request, ServerCallContext context);

    public abstract Task Echo(IAsyncStreamReader<BytesValue> requests, IServerStreamWriter<BytesValue> responses, ServerCallContext context);

    /// <summary>Takes chunks and keeps nothing.</summary>
    public abstract Task<Empty> Send(IAsyncStreamReader<BytesValue> requests, ServerCallContext context);

    /// <summary>Returns so many bytes in chunks.</summary>
    public abstract Task Receive(Int32Value request, IServerStreamWriter<BytesValue> responses, ServerCallContext context);

    private static Marshaller<T> Marshaller<T>(MessageParser<T> parser) where T : class, IMessage<T> => Marshallers.Create(Write, context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));

    private static void Write<T>(T message, SerializationContext context) where T : IMessage<T>
    {
        context.SetPayloadLength(message.CalculateSize());
        message.WriteTo(context.GetBufferWriter());
        context.Complete();
    }
}
