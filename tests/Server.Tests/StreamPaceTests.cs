using System.Buffers.Binary;
using System.Net;
using System.Threading.Channels;
using Google.Protobuf;
using Google.Rpc;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>What a client may not do on a two-way stream: send a message slowly, or send without end.</summary>
public sealed class StreamPaceTests
{
    private static readonly byte[] Message = new V1.InteractRequest { Session = new string('s', 1000) }.ToByteArray();

    [Theory]
    [InlineData("SessionService/Interact", 0)]
    [InlineData("SessionService/Interact", 1)]
    [InlineData("EvaluationService/EvaluateStream", 0)]
    [InlineData("EvaluationService/EvaluateStream", 1)]
    public async Task A_message_that_has_begun_comes_without_long_pauses_and_not_too_slowly(string method, int bytesEachFiveSeconds)
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { UploadIdleTimeout = TimeSpan.FromSeconds(10), UploadMinBytesPerSecond = 100, StreamIdleTimeout = TimeSpan.FromDays(30) }, time);
        using var stream = new RawStream(server, method);
        var sent = 100;
        stream.Send(Framed(Message)[..sent]);
        await Eventually.DrivenAsync(stream.Status, () =>
        {
            time.Advance(TimeSpan.FromSeconds(5));
            stream.Send(Framed(Message)[sent..(sent += bytesEachFiveSeconds)]);
            return Task.CompletedTask;
        });
        var status = await stream.Status;
        Assert.Equal(((int)StatusCode.DeadlineExceeded, "UPLOAD_TIMEOUT"), (status.Code, status.GetDetail<ErrorInfo>().Reason));
        Assert.InRange(sent, 100, Message.Length);
    }

    [Fact]
    public async Task Between_messages_a_stream_may_be_silent()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { UploadIdleTimeout = TimeSpan.FromSeconds(10), DefaultSessionTtl = TimeSpan.FromHours(1) }, time);
        using var stream = server.Sessions.Interact();
        await InteractTests.AttachAsync(stream, await server.OpenAsync());
        for (var i = 0; i < 3; i++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await stream.RequestStream.WriteAsync(new V1.InteractRequest { Commands = { new V1.SessionCommand { ZeroGradients = new V1.ZeroGradientsRequest() } } });
            Assert.True(await stream.ResponseStream.MoveNext(default));
        }
    }

    [Fact]
    public async Task All_messages_of_a_stream_together_have_a_limit()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxStreamBytes = 4096 });
        var session = await server.OpenAsync();
        using var stream = server.Sessions.Interact();
        await InteractTests.AttachAsync(stream, session);
        var status = await RefusedAsync(StatusCode.ResourceExhausted, "LIMIT_EXCEEDED", async () =>
        {
            for (ulong id = 1; id <= 5; id++)
            {
                await stream.RequestStream.WriteAsync(new V1.InteractRequest { Commands = { new V1.SessionCommand { Tag = id, DefineNodes = new V1.DefineNodesRequest { Nodes = { new V1.Node(Input(id, 2)) { Label = new string('x', 1200) } } } } } });
                Assert.True(await stream.ResponseStream.MoveNext(default));
                Assert.Null(stream.ResponseStream.Current.Results[0].Error);
            }
        });
        Assert.Equal("max_stream_bytes", status.GetDetail<ErrorInfo>().Metadata["limit"]);

        // What came before has been done, what was too much has not, and another stream goes on.
        Assert.Equal(3UL, (await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session.NodeCount);
        using var next = server.Sessions.Interact();
        await InteractTests.AttachAsync(next, session);
    }

    private static byte[] Framed(byte[] message)
    {
        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    /// <summary>A gRPC call over plain HTTP/2, whose request's bytes go when they are told to.</summary>
    private sealed class RawStream : HttpContent
    {
        private readonly HttpClient _http = new();
        private readonly Channel<byte[]> _bytes = Channel.CreateUnbounded<byte[]>();

        public RawStream(TestServer server, string method)
        {
            Headers.ContentType = new("application/grpc");
            Status = CallAsync(new Uri(server.Address, $"gradients.v1.{method}"));
        }

        /// <summary>What the call ends with.</summary>
        public Task<Google.Rpc.Status> Status { get; }

        public void Send(byte[] bytes) => _bytes.Writer.TryWrite(bytes);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await foreach (var bytes in _bytes.Reader.ReadAllAsync())
            {
                await stream.WriteAsync(bytes);
                await stream.FlushAsync();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            _bytes.Writer.TryComplete();
            _http.Dispose();
            base.Dispose(disposing);
        }

        private async Task<Google.Rpc.Status> CallAsync(Uri uri)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = this, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { { "te", "trailers" } } };
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            await response.Content.ReadAsByteArrayAsync();
            var details = (response.Headers.TryGetValues("grpc-status-details-bin", out var values) ? values : response.TrailingHeaders.GetValues("grpc-status-details-bin")).Single();
            return Google.Rpc.Status.Parser.ParseFrom(Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '=')));
        }
    }
}
