using Gradients.Engine.Execution;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Execution;

public sealed class FlopBucketTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void ABurstIsLetThroughAndThenTheRate()
    {
        var bucket = new FlopBucket(100, TimeSpan.FromSeconds(10), _time, "tenant:a");
        bucket.Take(600);
        bucket.Take(400);
        Assert.False(bucket.IsFull);
        var e = Assert.Throws<GradientsException>(() => bucket.Take(50));
        Assert.Equal((ErrorCode.ResourceExhausted, ErrorReasons.ComputeQuota, "tenant:a", "max_flops_per_second"), (e.Code, e.Reason, e.Subject, e.Metadata["limit"]));
        Assert.InRange(e.RetryAfter!.Value.TotalSeconds, 0.5, 0.502);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(bucket.IsFull);
    }

    [Theory]
    [InlineData(1, 7)]
    [InlineData(333, 1)]
    [InlineData(1000, 3)]
    [InlineData(5000, 1000)]
    public void WhoeverWaitsAsToldIsLetThroughAndNotMuchEarlier(double flops, double rate)
    {
        var bucket = new FlopBucket(rate, TimeSpan.FromSeconds(10), _time, "");
        bucket.Take(10 * rate);
        var delay = Assert.Throws<GradientsException>(() => bucket.Take(flops)).RetryAfter!.Value;
        _time.Advance(delay - TimeSpan.FromMilliseconds(3));
        Assert.Throws<GradientsException>(() => bucket.Take(flops));
        _time.Advance(TimeSpan.FromMilliseconds(3));
        bucket.Take(flops);
    }

    [Fact]
    public void MoreThanABurstNeedsAFullBucketAndLeavesADebt()
    {
        var bucket = new FlopBucket(100, TimeSpan.FromSeconds(1), _time, "");
        bucket.Take(1000);
        Assert.InRange(Assert.Throws<GradientsException>(() => bucket.Take(1)).RetryAfter!.Value.TotalSeconds, 9.01, 9.02);
    }

    [Fact]
    public void WhatIsGivenBackIsThereAgainButNoMoreThanABurst()
    {
        var bucket = new FlopBucket(100, TimeSpan.FromSeconds(1), _time, "");
        bucket.Take(60);
        bucket.Give(60);
        bucket.Give(60);
        bucket.Take(100);
        Assert.Throws<GradientsException>(() => bucket.Take(1));
    }
}
