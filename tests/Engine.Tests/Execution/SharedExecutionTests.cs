using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;
using Gradients.Engine.Tests.Compilation;

namespace Gradients.Engine.Tests.Execution;

/// <summary>Executions whose units run on several threads.</summary>
public sealed class SharedExecutionTests : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private readonly ProgramRunner _r = new();

    public void Dispose() => _r.Dispose();

    [Fact]
    public void OneTwoAndFourThreadsGiveTheSameBits()
    {
        var (plan, inputs) = Network();
        Assert.True(PreparedPlan.Of(plan).HasParallel);
        var expected = Run(plan, inputs, null);
        foreach (var helpers in new[] { 1, 3 })
        {
            using var scheduler = new Scheduler(new SchedulerOptions { Threads = helpers });
            for (var repeat = 0; repeat < 20; repeat++)
                AssertSame(expected, Run(plan, inputs, scheduler));
        }
    }

    [Fact]
    public void ParkingASharedExecutionGivesTheSameBits()
    {
        var (plan, inputs) = Network();
        var expected = Run(plan, inputs, null);
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 2 });
        AssertSame(expected, Run(plan, inputs, scheduler, parkAt: 0));
    }

    [Fact]
    public void IndependentInstructionsRunTogetherAndDependentOnesDoNot()
    {
        var (plan, _) = Network();
        var prepared = PreparedPlan.Of(plan);
        Assert.Contains(Batches(prepared), b => b.End - b.First > 1);
        foreach (var (first, end) in Batches(prepared))
        {
            for (var i = first; i < end; i++)
            {
                for (var j = first; j < i; j++)
                    Assert.Empty(plan.Instructions[i].Inputs.Select(o => o.Storage).Intersect(plan.Instructions[j].Outputs.Select(o => o.Storage)));
            }
        }
    }

    [Fact]
    public void AllUnitsRunOnceOnSeveralThreadsAndCombiningOnesRunLastInOrder()
    {
        // Every concurrent unit waits until two threads are in one: this ends only when a helper comes.
        using var meeting = new Barrier(2);
        var kernel = new RecordingKernel(concurrent: 2, units: 5, unit =>
        {
            if (unit < 2)
                Assert.True(meeting.SignalAndWait(Soon));
        });
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        Execute(kernel, scheduler);
        Assert.Equal([0, 1], kernel.Ran[..2].Select(r => r.Unit).Order());
        Assert.Equal([2, 3, 4], kernel.Ran[2..].Select(r => r.Unit));
        Assert.Equal(2, kernel.Ran.Select(r => r.Thread).Distinct().Count());
        Assert.Equal(2, kernel.Ran.Take(2).Select(r => r.Workspace).Distinct().Count());
        Assert.Single(kernel.Ran.Select(r => r.Shared).Distinct());
    }

    [Fact]
    public void AStageBeginsWhenTheOneBeforeItIsDone()
    {
        // Two threads meet in the first two units; the one that runs the third is done with it long before the other.
        using var meeting = new Barrier(2);
        using var third = new ManualResetEventSlim();
        var done = 0;
        var kernel = new RecordingKernel(concurrent: 9, units: 10, unit =>
        {
            Assert.InRange(Volatile.Read(ref done), unit / 3 * 3, (unit / 3 * 3) + 2);
            if (unit < 2)
                Assert.True(meeting.SignalAndWait(Soon));
            if (unit == 0)
                Assert.True(third.Wait(Soon));
            for (var i = 0; unit == 0 && i < 10_000; i++)
                Thread.Yield();
            Interlocked.Increment(ref done);
            if (unit == 2)
                third.Set();
        }, stages: 3);
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        Execute(kernel, scheduler);
        Assert.Equal(Enumerable.Range(0, 10), kernel.Ran.Select(r => (int)r.Unit).Order());
        Assert.Equal(9, kernel.Ran[^1].Unit);
    }

    [Fact]
    public void AHelpersFailureIsTheExecutionsAndTheLowestUnitsCounts()
    {
        using var meeting = new Barrier(2);
        var kernel = new RecordingKernel(concurrent: 8, units: 8, unit =>
        {
            if (unit < 2)
            {
                Assert.True(meeting.SignalAndWait(Soon));
                throw new GradientsException(ErrorCode.OutOfRange, ErrorReasons.IndexOutOfRange, $"unit {unit}");
            }
        });
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        var error = Assert.Throws<GradientsException>(() => Execute(kernel, scheduler));
        Assert.Equal(("unit 0", "Kernel"), (error.Message, error.Metadata["op"]));
        Assert.True(kernel.Ran.Count < 8);
    }

    [Fact]
    public void CancellationEndsASharedExecution()
    {
        using var source = new CancellationTokenSource();
        var kernel = new RecordingKernel(concurrent: 1000, units: 1000, unit =>
        {
            if (unit == 3)
                source.Cancel();
            else if (unit > 3)
                Assert.True(source.Token.WaitHandle.WaitOne(Soon));
        });
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 2 });
        Assert.Throws<OperationCanceledException>(() => Execute(kernel, scheduler, source.Token));
    }

    [Fact]
    public void AHelperLeavesWhenOtherWorkComes()
    {
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        using var done = new ManualResetEventSlim();
        var queue = scheduler.CreateQueue();
        var owner = Environment.CurrentManagedThreadId;
        int helped = 0, helpedBefore = 0;
        var kernel = new RecordingKernel(concurrent: 1000, units: 1000, _ =>
        {
            if (Environment.CurrentManagedThreadId == owner)
                Assert.True(done.Wait(Soon));
            else if (Interlocked.Increment(ref helped) == 1)
                queue.Enqueue(new Last(() => helpedBefore = helped, done));
        });
        Execute(kernel, scheduler);
        Assert.Equal(1, helpedBefore);
        Assert.Equal(1000, kernel.Ran.Count);
    }

    [Fact]
    public void ASharedStepAllocatesNothingManaged()
    {
        var (plan, data) = Network();
        using var pool = new BufferPool();
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 2 });
        var inputs = data.Select(d => Tensor.FromBytes(pool, d.DataType, d.Shape, d.Bytes)).ToArray();
        for (var i = 0; i < 50; i++)
            Step();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 200; i++)
            Step();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        foreach (var input in inputs)
            input.Dispose();
        Assert.Empty(pool.Ledger());

        void Step()
        {
            using var execution = PlanExecution.Rent(plan, pool);
            for (var i = 0; i < inputs.Length; i++)
                execution.Bind(i, inputs[i]);
            execution.Run(helpers: scheduler);
        }
    }

    [Fact]
    public void AHelperWithoutRoomForItsWorkspaceTakesNoUnit()
    {
        var kernel = new RecordingKernel(concurrent: 100, units: 100, _ => Thread.SpinWait(300), workspaceBytes: 1 << 20);

        // Room for the arena, the output and one workspace.
        using var pool = new BufferPool(new BufferPoolOptions { BudgetBytes = 2_400_000 });
        using var scheduler = new Scheduler(new SchedulerOptions { Threads = 1 });
        for (var i = 0; i < 20; i++)
        {
            using var execution = PlanExecution.Rent(PlanOf(kernel), pool);
            execution.Run(helpers: scheduler);
        }

        Assert.Single(kernel.Ran.Select(r => r.Thread).Distinct());
    }

    private static IEnumerable<(int First, int End)> Batches(PreparedPlan prepared)
    {
        for (var i = 0; i < prepared.BatchEnds.Length; i = prepared.BatchEnds[i])
            yield return (i, prepared.BatchEnds[i]);
    }

    private void Execute(RecordingKernel kernel, Scheduler scheduler, CancellationToken cancellation = default)
    {
        Assert.True(SpinWait.SpinUntil(() => scheduler.IdleCount == scheduler.ThreadCount, Soon));
        using var execution = PlanExecution.Rent(PlanOf(kernel), _r.Pool);
        execution.Run(helpers: scheduler, cancellation: cancellation);
    }

    private static void AssertSame(byte[][] expected, byte[][] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(expected[i].AsSpan().SequenceEqual(actual[i]), $"Output {i} differs.");
    }

    private static Plan PlanOf(RecordingKernel kernel)
    {
        var instruction = new Instruction(kernel, [], [new Operand(0, 0)], 0, [new PlannedNode(0, "Kernel")], 1 << 30, [(DataType.Float32, 1)]) { SharedOffset = kernel.WorkspaceBytes };
        return new Plan([instruction], [new Storage(StorageKind.Output, 0, 0)], [], [], [new PlanOutput(DataType.Float32, Shape.Scalar)], kernel.WorkspaceBytes + 64, 64, 1);
    }

    private byte[][] Run(Plan plan, ConstantData[] inputs, Scheduler? scheduler, long parkAt = long.MaxValue)
    {
        using var execution = PlanExecution.Rent(plan, _r.Pool);
        for (var i = 0; i < inputs.Length; i++)
            execution.Bind(i, inputs[i]);
        var parked = 0;
        while (execution.Run(parkAt, helpers: scheduler) == ExecutionStatus.Parked)
            parked++;
        // How often depends on what the helper takes over.
        Assert.Equal(parkAt == 0, parked > 0);
        return [.. Enumerable.Range(0, plan.Outputs.Count).Select(i =>
        {
            using var tensor = execution.TakeTensor(i);
            return tensor.AsBytes().ToArray();
        })];
    }

    /// <summary>Two layers over a batch of 128 with a softmax cross entropy, and the gradients of all parameters.</summary>
    private (Plan, ConstantData[]) Network()
    {
        var x = Random(128, 784);
        var labels = _r.Feed(new Shape(128), Enumerable.Range(0, 128).Select(i => (long)(i % 10)).ToArray());
        ulong[] wrt = [Random(784, 512), Random(512), Random(512, 10), Random(10)];
        var hidden = _r.Specs.Op("Relu", _r.Specs.Op("Gemm", x, wrt[0], wrt[1]));
        var loss = _r.Specs.Op("SoftmaxCrossEntropy", _r.Specs.Op("Gemm", hidden, wrt[2], wrt[3]), labels);
        var request = _r.Request([loss], [loss], wrt);
        var plan = _r.Compile(request).Forward;
        var subgraph = new Subgraph();
        subgraph.Start();
        subgraph.Add(request.Fetches[0]);
        foreach (var value in request.Wrt)
            subgraph.Add(value);
        return (plan, [.. subgraph.Sources.Select(s => _r.Feeds[s.Id])]);
    }

    private ulong Random(params long[] dimensions)
    {
        var shape = new Shape(dimensions);
        var random = new Random((int)shape.ElementCount);
        return _r.Feed(shape, Enumerable.Range(0, (int)shape.ElementCount).Select(_ => (float)(random.NextDouble() - 0.5)).ToArray());
    }

    private sealed class Last(Action action, ManualResetEventSlim done) : Work
    {
        protected internal override WorkStatus Run(long parkAt)
        {
            action();
            done.Set();
            return WorkStatus.Done;
        }

        protected internal override void Abandon() => done.Set();
    }

    /// <summary>Notes who ran which unit with what memory.</summary>
    private sealed unsafe class RecordingKernel : Kernel
    {
        private readonly Action<long> _action;

        public RecordingKernel(long concurrent, long units, Action<long> action, long workspaceBytes = 64, int stages = 1)
        {
            StageCount = stages;
            (UnitCount, ConcurrentUnits, WorkspaceBytes, SharedBytes) = (units, concurrent, workspaceBytes, 64);
            _action = action;
        }

        public List<(long Unit, int Thread, nint Workspace, nint Shared)> Ran { get; } = [];

        public override long StageEnd(int stage) => ConcurrentUnits / StageCount * (stage + 1);

        public override void Run(in KernelArguments arguments, long unit)
        {
            lock (Ran)
                Ran.Add((unit, Environment.CurrentManagedThreadId, (nint)arguments.Workspace, (nint)arguments.Shared));
            _action(unit);
        }
    }
}
