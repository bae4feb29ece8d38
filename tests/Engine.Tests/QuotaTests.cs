namespace Gradients.Engine.Tests;

public sealed class QuotaTests
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(3);

    [Fact]
    public void ATenantsPartAndTheWholeAreTakenTogetherOrNotAtAll()
    {
        var whole = new Quota("whole", 10, ErrorReasons.LimitExceeded, retryAfter: Later);
        var a = new Quota("part", 8, ErrorReasons.SessionQuota, "tenant:a", whole, Later);
        var b = new Quota("part", 8, ErrorReasons.SessionQuota, "tenant:b", whole, Later);
        a.Take(8);
        Refused(() => a.Take(1), ErrorReasons.SessionQuota, "tenant:a", "part", Later);
        b.Take(2);
        Refused(() => b.Take(1), ErrorReasons.LimitExceeded, "server", "whole", Later);
        Assert.Equal((8, 2, 10), (a.Used, b.Used, whole.Used));
        a.Give(8);
        b.Require(6);
        Refused(() => b.Require(7), ErrorReasons.SessionQuota, "tenant:b", "part", Later);
        b.Take(6);
        Assert.Equal((0, 8, 8), (a.Used, b.Used, whole.Used));
    }

    [Fact]
    public void WhatNeverFitsIsNotToBeTriedAgain()
    {
        var quota = new Quota("part", 8, ErrorReasons.SessionQuota, retryAfter: Later);
        quota.Take(1);
        Refused(() => quota.Take(8), ErrorReasons.SessionQuota, "server", "part", Later);
        Refused(() => quota.Take(9), ErrorReasons.SessionQuota, "server", "part", null);
    }

    /// <summary>What others use of the whole is theirs to know.</summary>
    [Fact]
    public void ARefusalIsTheSameWhateverIsInUse()
    {
        string Message(long used)
        {
            var whole = new Quota("whole", 100, ErrorReasons.LimitExceeded);
            whole.Take(used);
            var e = Assert.Throws<GradientsException>(() => new Quota("part", 100, ErrorReasons.LimitExceeded, "tenant:b", whole).Take(50));
            return string.Join('|', e.Metadata.Select(m => $"{m.Key}={m.Value}").Append(e.Message));
        }

        Assert.Equal(Message(51), Message(99));
    }

    [Fact]
    public void ManyThreadsNeverPassTheLimit()
    {
        var whole = new Quota("whole", 5, ErrorReasons.LimitExceeded);
        var parts = Enumerable.Range(0, 4).Select(i => new Quota("part", 3, ErrorReasons.LimitExceeded, $"tenant:{i}", whole)).ToArray();
        var threads = parts.Select(part => new Thread(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                try
                {
                    part.Take(2);
                }
                catch (GradientsException)
                {
                    continue;
                }

                Assert.InRange(whole.Used, 2, 5);
                part.Give(2);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.Equal(0, whole.Used);
        Assert.All(parts, p => Assert.Equal(0, p.Used));
    }

    private static void Refused(Action action, string reason, string subject, string limit, TimeSpan? retryAfter)
    {
        var e = Assert.Throws<GradientsException>(action);
        Assert.Equal((ErrorCode.ResourceExhausted, reason, subject, limit, retryAfter), (e.Code, e.Reason, e.Subject, e.Metadata["limit"], e.RetryAfter));
    }
}
