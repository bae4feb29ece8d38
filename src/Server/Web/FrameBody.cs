using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Web;

/// <summary>A message as the body of a gRPC call that did not come as one.</summary>
internal sealed class FrameBody(byte[] frame) : IRequestBodyPipeFeature
{
    /// <summary>A byte that says "not compressed", and four of the length.</summary>
    public const int HeaderBytes = 5;

    public PipeReader Reader { get; } = PipeReader.Create(new ReadOnlySequence<byte>(frame));

    public static byte[] Frame(IMessage message)
    {
        var size = message.CalculateSize();
        var frame = new byte[HeaderBytes + size];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), size);
        message.WriteTo(frame.AsSpan(HeaderBytes));
        return frame;
    }
}
