using System.Globalization;
using Gradients.Client;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>
/// Through a proxy that splits, delays and cuts the bytes anywhere: no number is wrong, nothing is applied twice or lost, no
/// session hangs and no buffer leaks. GRADIENTS_CUTS says how many cuts, GRADIENTS_CUT_SEED where.
/// </summary>
public sealed class CutTests
{
    // Inline, and above the limit of what goes in chunks.
    private const int Inline = 3000;
    private const int Chunked = 20_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cuts_at_random_places_change_no_number()
    {
        var cuts = Setting("GRADIENTS_CUTS", 40);
        await using var server = await ProofServer.StartAsync();
        await using var proxy = new RoughProxy(server.Address, Setting("GRADIENTS_CUT_SEED", 1));
        var clients = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => UseAsync(proxy, cuts, i)));
        Assert.True(proxy.Cuts >= cuts, $"{proxy.Cuts} cuts.");
        foreach (var session in clients)
            await server.DeleteAsync(session);
        await server.EmptyAsync();
    }

    /// <summary>Accumulates gradients and reads values until there were enough cuts; returns the session's name.</summary>
    private static async Task<string> UseAsync(RoughProxy proxy, int cuts, int seed)
    {
        await using var client = new GradientsClient(proxy.Address);
        var session = await RepeatedAsync(() => client.CreateSessionAsync(new SessionOptions { InlineLimitBytes = 4 * Inline, Checksums = true, ReconnectTimeout = TimeSpan.FromMinutes(5) }, Cancellation));
        var w = session.Variable("w", Numbers(Inline, seed));
        var large = session.Variable("large", Numbers(Chunked, seed));
        var x = session.Input<float>("x", Inline);
        var loss = (w * x).Sum() + large.Sum();
        var expected = new float[Inline];
        for (var step = 1; proxy.Cuts < cuts; step++)
        {
            // Whole numbers: every sum is exact.
            var feed = Numbers(Inline, step);
            await session.BackwardAsync(loss, mode: GradientMode.Accumulate, feeds: new Feeds { [x] = feed }, cancellationToken: Cancellation);
            for (var i = 0; i < Inline; i++)
                expected[i] += feed[i];
            var gradient = await RepeatedAsync(() => session.GetGradientAsync(w, Cancellation));
            Assert.True(gradient!.AsSpan<float>().SequenceEqual(expected), $"Step {step}: another gradient.");
            var ones = await RepeatedAsync(() => session.GetGradientAsync(large, Cancellation));
            Assert.True(ones!.AsSpan<float>().IndexOfAnyExcept(step) < 0, $"Step {step}: another gradient of what is downloaded.");
            var sent = Numbers(Chunked, step);
            await session.SetAsync(large, sent, cancellationToken: Cancellation);
            var read = await RepeatedAsync(() => session.GetAsync(large, Cancellation));
            Assert.True(read.AsSpan<float>().SequenceEqual(sent), $"Step {step}: another value.");
        }

        return session.Name;
    }

    /// <summary>Reads whose replies were lost, and openings of a session, are tried again; changes must not need it.</summary>
    private static async Task<T> RepeatedAsync<T>(Func<Task<T>> read)
    {
        while (true)
        {
            try
            {
                return await read();
            }
            catch (GradientsClientException e) when (e.Reason == "CONNECTION_LOST" || e.Code == Grpc.Core.StatusCode.Unavailable)
            {
            }
        }
    }

    private static float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => (float)((i * 7) + seed) % 11)];

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
