using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;
using Stream = Grpc.Core.AsyncDuplexStreamingCall<Gradients.V1.EvaluateStreamRequest, Gradients.V1.EvaluateStreamResponse>;

namespace Gradients.Server.Tests.Stateless;

public sealed class EvaluateStreamTests
{
    [Fact]
    public async Task Evaluations_are_pipelined_and_answered_in_order()
    {
        await using var server = await TestServer.StartAsync();
        var name = await StoredGraphTests.CreateAsync(server);
        using var stream = server.Evaluation.EvaluateStream();
        var all = AllAsync(stream);
        for (ulong tag = 1; tag <= 500; tag++)
        {
            var request = StoredGraphTests.Named(name);
            request.Feeds[1] = Feed(2, Tensor([tag]));
            await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Tag = tag, Evaluate = request });
        }

        await stream.RequestStream.CompleteAsync();
        var results = await all;
        Assert.Equal(Enumerable.Range(1, 500).Select(i => (ulong)i), results.Select(r => r.Tag));
        foreach (var result in results)
        {
            // d/db mean((2x + b − y)²) = 2 (b − 5), for the mean of y − 2x is 5.
            Assert.Equal(2 * (result.Tag - 5.0), Elements(result.Response.Gradients[1].Tensor)[0], 1e-9);
            Assert.Matches("^[0-9a-f]{32}$", result.Response.TraceId);
        }

        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    [Fact]
    public async Task A_bad_item_fails_alone()
    {
        await using var server = await TestServer.StartAsync();
        using var stream = server.Evaluation.EvaluateStream();
        var bad = EvaluateTests.Regression();
        bad.Feeds.RemoveAt(2);
        await SendAsync(
            stream,
            new() { Tag = 1, Evaluate = EvaluateTests.Regression() },
            new() { Tag = 2, Evaluate = bad },
            new() { Tag = 3 },
            new() { Tag = 4, Evaluate = StoredGraphTests.Named("graphs/0") },
            new() { Tag = 5, Part = Chunk("tensors/7", 0, 1) },
            new() { Tag = 6, Part = new V1.TensorPart { Handle = "tensors/0", Release = true } },
            new() { Tag = 7, Evaluate = EvaluateTests.Regression() });
        var results = await AllAsync(stream);
        Assert.Equal([1UL, 2, 3, 4, 5, 6, 7], results.Select(r => r.Tag));
        Check(results[1].Error, StatusCode.InvalidArgument, "FEED_MISSING");
        Check(results[2].Error, StatusCode.InvalidArgument, "INVALID_FIELD");
        Check(results[3].Error, StatusCode.NotFound, "GRAPH_NOT_FOUND");
        Check(results[4].Error, StatusCode.NotFound, "TENSOR_NOT_FOUND");
        Check(results[5].Error, StatusCode.InvalidArgument, "INVALID_FIELD");
        Assert.Equal(-8.0, Elements(results[6].Response.Gradients[1].Tensor)[0], 1e-12);
    }

    /// <summary>16 MB there and back, four times the largest message; a small tensor goes in the result itself.</summary>
    [Fact]
    public async Task Large_tensors_travel_in_parts_both_ways()
    {
        await using var server = await TestServer.StartAsync();
        using var stream = server.Evaluation.EvaluateStream();
        var elements = Enumerable.Range(0, 1 << 21).Select(i => (double)i).ToArray();
        var receiving = AllAsync(stream);
        await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Part = Header("tensors/3", elements.Length) });
        var bytes = MemoryMarshal.AsBytes<double>(elements).ToArray();
        for (var offset = 0; offset < bytes.Length; offset += 1 << 20)
            await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Part = new V1.TensorPart { Handle = "tensors/3", Chunk = new V1.TensorChunk { Offset = (ulong)offset, Data = ByteString.CopyFrom(bytes, offset, 1 << 20) } } });
        for (ulong tag = 1; tag <= 2; tag++)
            await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Tag = tag, Evaluate = Negation(elements.Length, new V1.Tensor { Handle = "tensors/3" }, sum: true) });
        await stream.RequestStream.CompleteAsync();
        var results = await receiving;
        foreach (var part in results.GroupBy(r => r.Tag))
        {
            var response = part.Last().Response;
            var negated = response.Values[0].Tensor;
            Assert.Equal(elements.Length, negated.Shape.Single());
            Assert.Equal([-elements.Sum()], Elements(response.Values[1].Tensor));
            var received = Assemble(part.Where(r => r.Part is not null).Select(r => r.Part), negated.Handle);
            Assert.True(elements.Select(e => -e).SequenceEqual(MemoryMarshal.Cast<byte, double>(received).ToArray()));
        }

        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }

    [Fact]
    public async Task A_handle_is_replaced_and_released_for_what_follows()
    {
        await using var server = await TestServer.StartAsync();
        using var stream = server.Evaluation.EvaluateStream();
        var handle = new V1.Tensor { Handle = "tensors/9" };
        await SendAsync(
            stream,
            new() { Tag = 1, Part = Header("tensors/9", 1) },
            new() { Tag = 2, Evaluate = Negation(1, handle) },
            new() { Tag = 3, Part = Numbers("tensors/9", 0, 5) },
            new() { Tag = 4, Evaluate = Negation(1, handle) },
            new() { Tag = 5, Part = Header("tensors/9", 2) },
            new() { Tag = 6, Part = Numbers("tensors/9", 0, 7, 8) },
            new() { Tag = 7, Evaluate = Negation(2, handle) },
            new() { Tag = 8, Part = new V1.TensorPart { Handle = "tensors/9", Release = true } },
            new() { Tag = 9, Evaluate = Negation(2, handle) },
            new() { Tag = 10, Part = Header("tensors/9", 0) },
            new() { Tag = 11, Evaluate = Negation(0, handle) });
        var results = await AllAsync(stream);
        Assert.Equal([2UL, 4, 7, 9, 11], results.Select(r => r.Tag));
        Check(results[0].Error, StatusCode.NotFound, "TENSOR_NOT_FOUND");
        Assert.Equal([-5.0], Elements(results[1].Response.Values[0].Tensor));
        Assert.Equal([-7.0, -8.0], Elements(results[2].Response.Values[0].Tensor));
        Check(results[3].Error, StatusCode.NotFound, "TENSOR_NOT_FOUND");
        Assert.Empty(Elements(results[4].Response.Values[0].Tensor));
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "gap", "CHUNK_OUT_OF_ORDER" },
        { "too many", "CONTENT_SIZE_MISMATCH" },
        { "checksum", "CHECKSUM_MISMATCH" },
        { "empty chunk", "INVALID_FIELD" },
        { "not a bool", "INVALID_FIELD" },
        { "no type", "INVALID_FIELD" },
        { "overflow", "SHAPE_MISMATCH" },
        { "too large", "LIMIT_EXCEEDED" },
        { "release false", "INVALID_FIELD" },
    };

    /// <summary>One fault has one error, and memory goes back; the handle can be sent anew.</summary>
    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_bad_part_is_refused_once(string fault, string reason)
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { SessionMaxBytes = 1024 });
        using var stream = server.Evaluation.EvaluateStream();
        var header = new V1.TensorHeader { DataType = V1.DataType.Bool, Shape = { 8 } };
        var chunk = Chunk("tensors/1", 0, 4);
        switch (fault)
        {
            case "gap":
                chunk.Chunk.Offset = 1;
                break;
            case "too many":
                chunk.Chunk.Data = ByteString.CopyFrom(new byte[9]);
                break;
            case "checksum":
                chunk.Chunk.Crc32C = 1;
                break;
            case "empty chunk":
                chunk.Chunk.Data = ByteString.Empty;
                break;
            case "not a bool":
                chunk.Chunk.Data = ByteString.CopyFrom([0, 1, 2, 0, 0, 0, 0, 0]);
                break;
            case "no type":
                header.DataType = V1.DataType.Unspecified;
                break;
            case "overflow":
                header.Shape.AddRange([1L << 32, 1L << 32]);
                break;
            case "too large":
                header.Shape[0] = 2000;
                break;
            case "release false":
                chunk = new V1.TensorPart { Handle = "tensors/1", Release = false };
                break;
        }

        await SendAsync(
            stream,
            new() { Tag = 1, Part = new V1.TensorPart { Handle = "tensors/1", Header = header } },
            new() { Tag = 2, Part = chunk },
            new() { Tag = 3, Part = fault == "release false" ? new V1.TensorPart { Handle = "tensors/1", Release = true } : Chunk("tensors/1", 4, 4) },
            new() { Tag = 4, Part = Header("tensors/1", 1) },
            new() { Tag = 5, Part = Numbers("tensors/1", 0, 5) },
            new() { Tag = 6, Evaluate = Negation(1, new V1.Tensor { Handle = "tensors/1" }) });
        var results = await AllAsync(stream);
        Assert.Equal(2, results.Count);
        Assert.Equal(reason, results[0].Error.GetDetail<ErrorInfo>().Reason);
        Assert.Equal([-5.0], Elements(results[1].Response.Values[0].Tensor));
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
    }

    [Fact]
    public async Task A_cut_stream_leaves_nothing()
    {
        await using var server = await TestServer.StartAsync();
        for (var i = 0; i < 5; i++)
        {
            var stream = server.Evaluation.EvaluateStream();
            await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Part = Header("tensors/1", 1000) });
            await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Part = Header("tensors/2", 1) });
            await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Part = Numbers("tensors/2", 0, 1e-3) });
            for (ulong tag = 1; tag <= 20; tag++)
                await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Tag = tag, Evaluate = SlowOne(new V1.Tensor { Shape = { }, DataType = V1.DataType.Float64, Raw = Tensor([1e-3]).Raw }) });
            Assert.True(await stream.ResponseStream.MoveNext(default));
            stream.Dispose();
        }

        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 0);
        await Eventually.HoldsAsync(() => server.Host.Scheduler.QueuedItems == 0);
        await server.Evaluation.EvaluateAsync(EvaluateTests.Regression());
    }

    [Fact]
    public async Task An_item_has_its_timeout_and_its_trace()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(time: time);
        using var stream = server.Evaluation.EvaluateStream();
        const string Trace = "0af7651916cd43dd8448eb211c80319c";
        await SendAsync(
            stream,
            new() { Tag = 1, Evaluate = SlowOne(Tensor([1e-3])), Timeout = new Duration() },
            new() { Tag = 2, Evaluate = EvaluateTests.Regression(), Trace = new V1.TraceContext { Traceparent = $"00-{Trace}-b7ad6b7169203331-01" } });
        var receiving = AllAsync(stream);
        await Eventually.DrivenAsync(receiving, () =>
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            return Task.CompletedTask;
        });
        var results = await receiving;
        Check(results[0].Error, StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED");
        Assert.Equal(Trace, results[1].Response.TraceId);
    }

    [Theory]
    [InlineData(false, "STREAM_IDLE_TIMEOUT")]
    [InlineData(true, "UPLOAD_TIMEOUT")]
    public async Task A_silent_stream_ends(bool owesChunks, string reason)
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { StreamIdleTimeout = TimeSpan.FromMinutes(1), UploadIdleTimeout = TimeSpan.FromSeconds(5) }, time);
        using var stream = server.Evaluation.EvaluateStream();
        if (owesChunks)
        {
            await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Part = Header("tensors/1", 1000) });
            await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);
        }

        await RefusedAsync(StatusCode.DeadlineExceeded, reason, () => Eventually.DrivenAsync(AllAsync(stream), () =>
        {
            time.Advance(owesChunks ? TimeSpan.FromSeconds(5) : TimeSpan.FromMinutes(1));
            return Task.CompletedTask;
        }));
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    [Fact]
    public async Task Draining_answers_what_was_asked_and_ends_the_stream()
    {
        await using var server = await TestServer.StartAsync();
        // An upload in flight keeps the connection open.
        using var upload = server.Tensors.UploadTensor();
        await upload.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = await server.OpenAsync(), DataType = V1.DataType.Bool, Shape = { 2 } } });
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);
        using var stream = server.Evaluation.EvaluateStream();
        await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Tag = 1, Evaluate = EvaluateTests.Regression() });
        Assert.True(await stream.ResponseStream.MoveNext(default));
        var stopping = server.App.StopAsync();
        await RefusedAsync(StatusCode.Unavailable, "DRAINING", async () => await AllAsync(stream));
        await upload.RequestStream.WriteAsync(TensorTests.Chunk(0, 2));
        await upload.RequestStream.CompleteAsync();
        await upload;
        await stopping;
    }

    /// <summary>Who does not read is not read: at most so many results wait.</summary>
    [Fact]
    public async Task A_client_that_does_not_read_is_not_read_either()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxQueuedCommands = 4 });
        using var stream = server.Evaluation.EvaluateStream();
        var sending = Task.Run(async () =>
        {
            for (ulong tag = 1; tag <= 2000; tag++)
                await stream.RequestStream.WriteAsync(new V1.EvaluateStreamRequest { Tag = tag, Evaluate = EvaluateTests.Regression() });
            await stream.RequestStream.CompleteAsync();
        });
        var results = await AllAsync(stream);
        await sending;
        Assert.Equal(2000, results.Count(r => r.Response is not null));
    }

    private static V1.TensorPart Header(string handle, params long[] shape) =>
        new() { Handle = handle, Header = new V1.TensorHeader { DataType = V1.DataType.Float64, Shape = { shape } } };

    private static V1.TensorPart Chunk(string handle, int offset, int count) =>
        new() { Handle = handle, Chunk = new V1.TensorChunk { Offset = (ulong)offset, Data = ByteString.CopyFrom(new byte[count]) } };

    private static V1.TensorPart Numbers(string handle, int offset, params double[] elements) =>
        new() { Handle = handle, Chunk = new V1.TensorChunk { Offset = (ulong)offset, Data = ByteString.CopyFrom(MemoryMarshal.AsBytes<double>(elements)) } };

    private static V1.EvaluateRequest Negation(int count, V1.Tensor x, bool sum = false)
    {
        var request = new V1.EvaluateRequest
        {
            Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { Input(1, count), Node(2, "Neg", 1), Node(3, "ReduceSum", 2).With("keepdims", 0) } } },
            Feeds = { Feed(1, x) },
            Fetches = { Fetch(2) },
        };
        if (sum)
            request.Fetches.Add(Fetch(3));
        return request;
    }

    private static V1.EvaluateRequest SlowOne(V1.Tensor x)
    {
        var forward = Slow.Forward(100);
        return new V1.EvaluateRequest { Graph = new V1.GraphSource { Graph = new V1.Graph { Nodes = { Slow.Nodes(100) } } }, Feeds = { Feed(100, x) }, Fetches = { forward.Fetches } };
    }

    /// <summary>The bytes of a tensor that came in parts: a header, then chunks without gaps.</summary>
    private static byte[] Assemble(IEnumerable<V1.TensorPart> parts, string handle)
    {
        using var bytes = new MemoryStream();
        var own = parts.Where(p => p.Handle == handle).ToList();
        Assert.Equal(V1.TensorPart.PartOneofCase.Header, own[0].PartCase);
        foreach (var part in own.Skip(1))
        {
            Assert.Equal((ulong)bytes.Length, part.Chunk.Offset);
            bytes.Write(part.Chunk.Data.Span);
        }

        return bytes.ToArray();
    }

    private static async Task SendAsync(Stream stream, params V1.EvaluateStreamRequest[] items)
    {
        foreach (var item in items)
            await stream.RequestStream.WriteAsync(item);
        await stream.RequestStream.CompleteAsync();
    }

    private static async Task<List<V1.EvaluateStreamResponse>> AllAsync(Stream stream)
    {
        var results = new List<V1.EvaluateStreamResponse>();
        await foreach (var response in stream.ResponseStream.ReadAllAsync())
            results.Add(response);
        return results;
    }
}
