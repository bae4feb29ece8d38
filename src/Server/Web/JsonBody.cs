using System.Buffers;
using System.Text.Json;
using Gradients.Engine;
using Gradients.Server.Limits;

namespace Gradients.Server.Web;

/// <summary>The bytes of a JSON body, and what they expand to.</summary>
internal static class JsonBody
{
    public const int MaxDepth = 64;

    // As messages, in memory; a text is kept once as it came and once in its message.
    private const int ObjectCost = 192;
    private const int ValueCost = 48;
    private const int TextFactor = 3;

    public static JsonReaderOptions Options { get; } = new() { MaxDepth = MaxDepth };

    /// <exception cref="GradientsException">MESSAGE_TOO_LARGE, MEMORY_BUDGET_EXCEEDED, MALFORMED_MESSAGE.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContext context, WireLease lease, int limit)
    {
        if (context.Request.ContentLength > limit)
            throw TooLarge(context.Request.ContentLength.Value, limit);
        var body = new ArrayBufferWriter<byte>();
        var reader = context.Request.BodyReader;
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(context.RequestAborted);
                try
                {
                    if (body.WrittenCount + read.Buffer.Length > limit)
                        throw TooLarge(body.WrittenCount + read.Buffer.Length, limit);
                    // The buffer doubles as it grows.
                    lease.Receive(2 * read.Buffer.Length);
                    foreach (var segment in read.Buffer)
                        body.Write(segment.Span);
                }
                finally
                {
                    // Of a refused body, too: what is left of it is skipped, and the connection goes on.
                    reader.AdvanceTo(read.Buffer.End);
                }

                if (read.IsCompleted)
                    return body.WrittenMemory;
            }
        }
        catch (BadHttpRequestException e)
        {
            throw JsonMessageReader.Malformed("", $"the body cannot be read: {e.Message}");
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            throw new GradientsException(ErrorCode.Cancelled, ErrorReasons.Cancelled, "The request was cancelled; nothing has changed.");
        }
    }

    /// <summary>An estimate of the managed memory of the parsed message, made without building anything; stops above <paramref name="limit"/>.</summary>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    public static long Cost(ReadOnlySpan<byte> json, long limit)
    {
        var reader = new Utf8JsonReader(json, Options);
        long cost = 0;
        while (cost <= limit && reader.Read())
        {
            cost += reader.TokenType switch
            {
                JsonTokenType.StartObject or JsonTokenType.StartArray => ObjectCost,
                JsonTokenType.String or JsonTokenType.PropertyName => ValueCost + ((long)TextFactor * reader.ValueSpan.Length),
                _ => ValueCost,
            };
        }

        return cost;
    }

    private static GradientsException TooLarge(long bytes, long limit) =>
        GradientsException.Exhausted(ErrorReasons.MessageTooLarge, $"The body has {bytes} bytes or more; a message has at most {limit}. Send large tensors in chunks.").Limited("max_message_bytes", bytes.ToString(), "server");
}
