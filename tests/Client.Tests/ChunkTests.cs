using System.Numerics.Tensors;
using System.Text;
using Gradients.Client.Transport;

namespace Gradients.Client.Tests;

/// <summary>Tensors of 16 MiB, four times the largest message.</summary>
public sealed class ChunkTests(TestServer server) : IClassFixture<TestServer>
{
    private const int Count = 4 << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ALargeFeedComesBackAsItWas(bool checksums)
    {
        await using var session = await server.Client.CreateSessionAsync(new SessionOptions { Checksums = checksums });
        var elements = Numbers();
        var x = session.Input<float>("x", "n");
        var y = -x;
        var value = await y.ValueAsync(new Feeds { [x] = elements });
        Assert.Equal(Count, value.Shape.ElementCount);
        var expected = new float[Count];
        TensorPrimitives.Negate(elements, expected);
        Assert.True(value.AsSpan<float>().SequenceEqual(expected));
        await session.FlushAsync();
        Assert.True((await session.GetInfoAsync()).HeldBytes < 1 << 20);
    }

    [Fact]
    public async Task LargeVariablesAndTheirGradientsTravelInChunks()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var elements = Numbers();
        var w = session.Variable("w", elements);
        var loss = (w * w).Sum() * 0.5;
        var result = await session.BackwardAsync(loss, mode: GradientMode.Both);
        Assert.True(result[w].AsSpan<float>().SequenceEqual(elements));
        Assert.True((await session.GetGradientAsync(w))!.AsSpan<float>().SequenceEqual(elements));
        Assert.True((await session.GetAsync(w)).AsSpan<float>().SequenceEqual(elements));
        await session.SetAsync(w, new float[Count]);
        Assert.Equal(0f, (await loss.ValueAsync()).Item<float>());
    }

    [Fact]
    public async Task RequestsKeepTheirOrderWhenOneOfThemUploads()
    {
        await using var session = await server.Client.CreateSessionAsync();
        var w = session.Variable("w", new float[Count]);
        var max = w.ReduceMax();
        var set = session.SetAsync(w, Enumerable.Repeat(7f, Count).ToArray());
        var value = max.ValueAsync();
        Assert.Equal(7f, (await value).Item<float>());
        Assert.Equal(2UL, await set);
    }

    [Fact]
    public async Task AnUploadedTensorIsFedManyTimes()
    {
        await using var session = await server.Client.CreateSessionAsync();
        using var handle = await session.UploadAsync(Numbers());
        var x = session.Input<float>("x", Count);
        var first = x.Slice(0, 1, 4);
        for (var i = 0; i < 3; i++)
            Assert.Equal(new[] { 1f, 2f, 3f }, (await first.ValueAsync(new Feeds { { x, handle } })).ToArray<float>());
        using var kept = await session.KeepAsync(x * 2, new Feeds { { x, handle } });
        Assert.Equal(2f * 1234, (await kept.DownloadAsync()).AsSpan<float>()[1234]);
    }

    [Fact]
    public void ChecksumsAreCastagnolis() => Assert.Equal(0xE3069283u, Checksum.Crc32C(Encoding.ASCII.GetBytes("123456789")));

    private static float[] Numbers() => [.. Enumerable.Range(0, Count).Select(i => (float)i)];
}
