using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using Google.Protobuf.Reflection;
using Gradients.Server.Errors;
using Gradients.Server.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Web;

/// <summary>
/// Takes what the gRPC framework answers and writes it as JSON: one object, or of a stream one a line as they come. A failure is
/// a <c>google.rpc.Status</c>; after lines of a stream it is the last line, <c>{"error": …}</c>.
/// </summary>
internal sealed class JsonResponse : IHttpResponseBodyFeature, IHttpResetFeature
{
    private const int FrameHeader = 5;
    private const string Lines = "application/x-ndjson";

    private readonly HttpContext _context;
    private readonly MethodDescriptor _method;
    private readonly IHttpResponseBodyFeature _body;
    private readonly UnsentTrailers _trailers = new();
    private readonly ArrayBufferWriter<byte> _received = new();

    public JsonResponse(HttpContext context, MethodDescriptor method)
    {
        (_context, _method) = (context, method);
        _body = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        Stream = new JsonResponseStream(ReceiveAsync);
        Writer = PipeWriter.Create(Stream);
        context.Features.Set<IHttpResponseBodyFeature>(this);
        context.Features.Set<IHttpResponseTrailersFeature>(_trailers);
        context.Features.Set<IHttpResetFeature>(this);
    }

    public Stream Stream { get; }

    public PipeWriter Writer { get; }

    /// <summary>Writes the answer, when the call is over.</summary>
    public async Task CompleteAsync()
    {
        // Read first: messages that nobody flushed start the response only now.
        var response = _context.Response;
        var status = StatusHeaders.Read(response.HasStarted ? _trailers.Trailers : response.Headers) ?? FrameworkErrors.Of(StatusCode.Unknown, "");
        if (!response.HasStarted)
            StatusHeaders.Remove(response.Headers);
        await Writer.FlushAsync();
        _context.Features.Set(_body);
        if (response.HasStarted)
        {
            if (status.Code != 0)
                await WriteLineAsync($$"""{"error":{{JsonText.Of(status)}}}""");
            return;
        }

        if (status.Code != 0)
        {
            await StatusResponse.WriteAsync(_context, status);
            return;
        }

        StatusResponse.Tell(_context, status);
        response.ContentType = _method.IsServerStreaming ? Lines : "application/json";
        if (!_method.IsServerStreaming)
            await WriteLineAsync(Text(_received.WrittenSpan[FrameHeader..]));
    }

    public void DisableBuffering()
    {
    }

    /// <summary>Nothing: a call whose deadline passed is answered, and a stream that is reset has no answer.</summary>
    public void Reset(int errorCode)
    {
    }

    public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    Task IHttpResponseBodyFeature.CompleteAsync() => Task.CompletedTask;

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    private async Task ReceiveAsync(ReadOnlyMemory<byte> bytes)
    {
        _received.Write(bytes.Span);
        if (!_method.IsServerStreaming)
            return;
        var at = 0;
        while (_received.WrittenCount - at >= FrameHeader && BinaryPrimitives.ReadInt32BigEndian(_received.WrittenSpan[(at + 1)..]) is var size && _received.WrittenCount - at - FrameHeader >= size)
        {
            if (!_context.Response.HasStarted)
                _context.Response.ContentType = Lines;
            await WriteLineAsync(Text(_received.WrittenSpan.Slice(at + FrameHeader, size)));
            at += FrameHeader + size;
        }

        var rest = _received.WrittenSpan[at..].ToArray();
        _received.ResetWrittenCount();
        _received.Write(rest);
    }

    private string Text(ReadOnlySpan<byte> message) => JsonText.Of(_method.OutputType.Parser.ParseFrom(message.ToArray()));

    private async Task WriteLineAsync(string text)
    {
        await _body.Stream.WriteAsync(Encoding.UTF8.GetBytes(text + "\n"), _context.RequestAborted);
        await _body.Stream.FlushAsync(_context.RequestAborted);
    }
}
