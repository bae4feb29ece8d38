using System.Diagnostics;
using Gradients.Engine.Execution;

namespace Gradients.Engine.Tests.Execution;

public sealed class SchedulerTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Fact]
    public void WorkOfAQueueRunsInOrderOnePieceAtATime()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 4 });
        var queue = scheduler.CreateQueue();
        var order = new List<int>();
        var running = 0;
        var works = Enumerable.Range(0, 200).Select(i => new Piecewise(3, piece =>
        {
            Assert.Equal(1, Interlocked.Increment(ref running));
            if (piece == 2)
                order.Add(i);
            Interlocked.Decrement(ref running);
        })).ToList();
        works.ForEach(queue.Enqueue);
        works.ForEach(w => w.Wait());
        Assert.Equal(Enumerable.Range(0, 200), order);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    public void LongWorkThatParksDoesNotHoldUpShortWorkOfAnotherSession(string tenant)
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        var shortDone = false;
        var longWork = new Endless(() => Volatile.Read(ref shortDone));
        scheduler.CreateQueue("a").Enqueue(longWork);
        longWork.Started.Wait(Soon);
        var shortWork = new Piecewise(1, _ => Volatile.Write(ref shortDone, true));
        scheduler.CreateQueue(tenant).Enqueue(shortWork);
        shortWork.Wait();
        longWork.Wait();
    }

    [Fact]
    public void TenantsShareAlikeHoweverManySessionsTheyOpen()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1, Slice = TimeSpan.FromTicks(1) });
        var gate = new Blocking();
        scheduler.CreateQueue("gate").Enqueue(gate);
        gate.Started.Wait(Soon);
        var order = new List<string>();
        var works = new List<Piecewise>();
        void Start(string tenant)
        {
            var work = new Piecewise(40, _ =>
            {
                order.Add(tenant);
                var began = Stopwatch.GetTimestamp();
                while (Stopwatch.GetElapsedTime(began).TotalMilliseconds < 0.2)
                {
                }
            });
            works.Add(work);
            scheduler.CreateQueue(tenant).Enqueue(work);
        }

        for (var i = 0; i < 10; i++)
            Start("many");
        Start("one");
        gate.Finish();
        works.ForEach(w => w.Wait());

        // Alone against ten sessions, it has half of the time and ends near the 80th piece; fair by session would be the 440th.
        Assert.InRange(order.LastIndexOf("one"), 40, 200);
    }

    [Fact]
    public void WhoWasIdleCannotSaveUpTime()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1, Slice = TimeSpan.FromTicks(1) });
        var idle = scheduler.CreateQueue("idle");
        var busyQueue = scheduler.CreateQueue("busy");
        var order = new List<string>();
        Piecewise Work(string name, int pieces) => new(pieces, _ =>
        {
            order.Add(name);
            var began = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(began).TotalMilliseconds < 0.2)
            {
            }
        });
        var past = Work("past", 300);
        busyQueue.Enqueue(past);
        past.Wait();
        var gate = new Blocking();
        scheduler.CreateQueue("gate").Enqueue(gate);
        gate.Started.Wait(Soon);
        var (late, busy) = (Work("late", 60), Work("busy", 60));
        idle.Enqueue(late);
        busyQueue.Enqueue(busy);
        gate.Finish();
        late.Wait();
        busy.Wait();
        Assert.InRange(order.IndexOf("busy"), 300, 300 + 40);
    }

    [Fact]
    public void AFullQueueIsBusy()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        var queue = scheduler.CreateQueue(capacity: 2);
        var gate = new Blocking();
        var second = new Piecewise(1, _ => { });
        queue.Enqueue(gate);
        queue.Enqueue(second);
        var third = new Piecewise(1, _ => { });
        var error = Assert.Throws<GradientsException>(() => queue.Enqueue(third));
        Assert.Equal((ErrorCode.Aborted, ErrorReasons.SessionBusy), (error.Code, error.Reason));
        gate.Finish();
        second.Wait();
        queue.Enqueue(third);
        third.Wait();
    }

    [Fact]
    public void ClosingAbandonsWhatWaitsAndRunsTheLastAfterWhatRuns()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        var queue = scheduler.CreateQueue();
        var running = new Blocking();
        var waiting = new Piecewise(1, _ => { });
        var last = new Piecewise(1, _ => Assert.True(running.Done));
        queue.Enqueue(running);
        queue.Enqueue(waiting);
        running.Started.Wait(Soon);
        Assert.True(queue.TryClose(last));
        Assert.False(last.Done);
        Assert.Equal(ErrorReasons.SessionNotFound, Assert.Throws<GradientsException>(() => queue.Enqueue(new Blocking())).Reason);
        running.Finish();
        last.Wait();
        Assert.True(waiting.Abandoned);
        Assert.Equal(0, waiting.Pieces);
        Assert.False(queue.TryClose(last));
    }

    [Fact]
    public void ClosingAbandonsWhatIsParked()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        var queue = scheduler.CreateQueue();
        var parked = new Endless(() => false);
        var last = new Piecewise(1, _ => { });
        queue.Enqueue(parked);
        parked.Started.Wait(Soon);
        if (queue.TryClose(last))
            last.Wait();
        parked.Wait();
        Assert.True(parked.Abandoned);
    }

    [Fact]
    public void ClosingAnIdleQueueKeepsNothing()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        var queue = scheduler.CreateQueue();
        var last = new Piecewise(1, _ => { });
        Assert.False(queue.TryClose(last));
        Assert.Equal(0, last.Pieces);
    }

    [Fact]
    public void DisposeAbandonsAllAndRefusesMore()
    {
        var scheduler = new Scheduler(new SchedulerOptions { Threads = 2 });
        var works = Enumerable.Range(0, 6).Select(_ => new Endless(() => false)).ToList();
        var queue = scheduler.CreateQueue();
        queue.Enqueue(works[0]);
        foreach (var work in works.Skip(1))
            scheduler.CreateQueue().Enqueue(work);
        works[0].Started.Wait(Soon);
        scheduler.Dispose();
        Assert.All(works, w => Assert.True(w.Abandoned));
        Assert.Equal(ErrorReasons.Draining, Assert.Throws<GradientsException>(() => queue.Enqueue(works[0])).Reason);
    }

    [Fact]
    public void IdleThreadsUseNoProcessor()
    {
        Assert.SkipUnless(File.Exists("/proc/thread-self/stat"), "Processor times of threads are read from /proc.");
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 4 });
        using var together = new Barrier(4);
        var threads = new string[4];
        var works = Enumerable.Range(0, 4).Select(i => new Piecewise(1, _ =>
        {
            // The four hold each other until each has a thread of its own.
            threads[i] = "/proc/self/task/" + Path.GetFileName(File.ResolveLinkTarget("/proc/thread-self", returnFinalTarget: true)!.FullName) + "/stat";
            Assert.True(together.SignalAndWait(Soon));
        })).ToList();
        works.ForEach(w => scheduler.CreateQueue().Enqueue(w));
        works.ForEach(w => w.Wait());
        Assert.Equal(4, threads.Distinct().Count());
        var before = Array.ConvertAll(threads, Ticks);
        using var never = new ManualResetEventSlim();
        never.Wait(TimeSpan.FromMilliseconds(500));

        // A spinning thread takes 50 ticks of 10 ms.
        Assert.All(threads.Zip(before), t => Assert.InRange(Ticks(t.First) - t.Second, 0, 5));
    }

    /// <summary>User and system time in ticks, the 14th and 15th field of proc_pid_stat(5).</summary>
    private static long Ticks(string stat)
    {
        var text = File.ReadAllText(stat);
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[11]) + long.Parse(fields[12]);
    }

    private sealed class Signal
    {
        private readonly TaskCompletionSource _set = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Set() => _set.TrySetResult();

        public bool Wait(TimeSpan timeout) => _set.Task.Wait(timeout);
    }

    private abstract class TestWork : Work
    {
        private readonly Signal _ended = new();

        public Signal Started { get; } = new();

        public bool Done { get; private set; }

        public bool Abandoned { get; private set; }

        public Exception? Failure { get; private set; }

        public void Wait()
        {
            Assert.True(_ended.Wait(Soon), "The work did not end.");
            Assert.Null(Failure);
        }

        protected abstract bool Go(long parkAt);

        protected internal override WorkStatus Run(long parkAt)
        {
            Started.Set();
            try
            {
                if (!Go(parkAt))
                    return WorkStatus.Parked;
            }
            catch (Exception e)
            {
                Failure = e;
            }

            Done = true;
            _ended.Set();
            return WorkStatus.Done;
        }

        protected internal override void Abandon()
        {
            Abandoned = true;
            _ended.Set();
        }
    }

    /// <summary>Parks after each of its pieces.</summary>
    private sealed class Piecewise(int count, Action<int> piece) : TestWork
    {
        public int Pieces { get; private set; }

        protected override bool Go(long parkAt)
        {
            piece(Pieces);
            return ++Pieces == count;
        }
    }

    /// <summary>Parks until a condition holds.</summary>
    private sealed class Endless(Func<bool> until) : TestWork
    {
        protected override bool Go(long parkAt) => until();
    }

    /// <summary>Holds its thread until told.</summary>
    private sealed class Blocking : TestWork
    {
        private readonly Signal _finish = new();

        public void Finish() => _finish.Set();

        protected override bool Go(long parkAt) => _finish.Wait(Soon);
    }
}
