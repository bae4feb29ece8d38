using Gradients.Engine.Execution;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Engine.Tests.Sessions;

namespace Gradients.Engine.Tests.Execution;

/// <summary>Work of microseconds is done where it comes from, unless somebody waits.</summary>
public sealed class BriefWorkTests
{
    [Fact]
    public async Task WhatIsBriefRunsOnTheCallersThread()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        var brief = new Probe { IsBrief = true };
        scheduler.CreateQueue().RunOrEnqueue(brief);
        Assert.True(brief.Ran.IsCompleted);
        Assert.Equal(Environment.CurrentManagedThreadId, await brief.Ran);
    }

    [Fact]
    public async Task WhatTakesLongerGoesToAComputeThread()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        var here = Environment.CurrentManagedThreadId;
        var slow = new Probe();
        scheduler.CreateQueue().RunOrEnqueue(slow);
        Assert.NotEqual(here, await slow.Ran);
    }

    [Fact]
    public async Task NobodyIsOvertaken()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        var here = Environment.CurrentManagedThreadId;
        using var gate = new ManualResetEventSlim();
        var first = new Probe { Gate = gate };
        var queue = scheduler.CreateQueue();
        queue.RunOrEnqueue(first);
        var (behind, elsewhere) = (new Probe { IsBrief = true }, new Probe { IsBrief = true });
        queue.RunOrEnqueue(behind);
        scheduler.CreateQueue().Enqueue(new Probe());
        scheduler.CreateQueue().RunOrEnqueue(elsewhere);
        Assert.False(behind.Ran.IsCompleted);
        Assert.False(elsewhere.Ran.IsCompleted);
        gate.Set();
        Assert.NotEqual(here, await behind.Ran);
        Assert.NotEqual(here, await elsewhere.Ran);
    }

    [Fact]
    public async Task ASmallStepIsBriefOnceItIsCompiled()
    {
        using var f = new SessionFixture();
        var w = f.Graph.Variable(DataType.Float32);
        var y = f.Graph.Op("Mul", w, w);
        await f.SetAsync(w, f.Scalar(3));
        var backward = new BackwardRequest { Roots = [new(y)], Mode = GradientMode.Accumulate };
        (await f.Session.BackwardAsync(backward)).Dispose();
        await f.Session.ApplyGradientsAsync(new ApplyGradientsRequest { Optimizer = new Sgd(0) });
        var again = f.Session.BackwardAsync(backward);
        Assert.True(again.IsCompletedSuccessfully);
        (await again).Dispose();
        Assert.True(f.Session.ApplyGradientsAsync(new ApplyGradientsRequest { Optimizer = new Sgd(0) }).IsCompletedSuccessfully);
        Assert.Equal<float[]>([12f], (await f.GradientAsync(w))!);
    }

    [Fact]
    public async Task WhatIsBriefMayHaveSeveralUnits()
    {
        using var f = new SessionFixture();
        var x = f.Graph.Input(DataType.Float32, 40, 512);
        var request = new ForwardRequest { Nodes = [], Fetches = [f.Graph.Op("Softmax", x)] };
        using var ones = Tensor.From<float>(f.Host.Pool, new Shape(40, 512), [.. Enumerable.Repeat(1f, 40 * 512)]);
        request = request with { Feeds = new Dictionary<ulong, Tensor> { [x] = ones } };
        (await f.Session.ForwardAsync(request with { Nodes = f.Graph.Take() })).Dispose();
        var again = f.Session.ForwardAsync(request);
        Assert.True(again.IsCompletedSuccessfully);
        using var result = await again;
        Assert.All(result.Values[0].AsSpan<float>().ToArray(), y => Assert.Equal(1f / 512, y));
    }

    /// <summary>Tells the thread that it ran on.</summary>
    private sealed class Probe : Work
    {
        private readonly TaskCompletionSource<int> _ran = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsBrief { get; init; }

        public ManualResetEventSlim? Gate { get; init; }

        public Task<int> Ran => _ran.Task;

        protected internal override bool TryRunBriefly() => IsBrief && Run(0) == WorkStatus.Done;

        protected internal override WorkStatus Run(long parkAt)
        {
            Gate?.Wait();
            _ran.TrySetResult(Environment.CurrentManagedThreadId);
            return WorkStatus.Done;
        }

        protected internal override void Abandon() => _ran.TrySetCanceled();
    }
}
