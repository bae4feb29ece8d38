using System.Diagnostics;
using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Gradients.Engine.Tests.Compilation;

namespace Gradients.Engine.Tests.Execution;

public sealed class PlanExecutionTests : IDisposable
{
    private static readonly Attributes NoKeep = Attributes.Of(("keepdims", 0L));

    private readonly ProgramRunner _r = new();

    public void Dispose() => _r.Dispose();

    [Fact]
    public void AStepOfTheSmallNetworkAllocatesNothingManaged()
    {
        // Linear(10, 5)–Relu–Linear(5, 1) and the mean squared error, a batch of 8.
        var x = Random(8, 10);
        ulong[] wrt = [Random(10, 5), Random(5), Random(5, 1), Random(1)];
        var hidden = _r.Specs.Op("Relu", _r.Specs.Op("Gemm", x, wrt[0], wrt[1]));
        var loss = _r.Specs.Op("MeanSquaredError", _r.Specs.Op("Gemm", hidden, wrt[2], wrt[3]), Random(8, 1));
        AssertNoManagedBytes(loss, wrt);
    }

    [Fact]
    public void AStepOfTheDigitsNetworkAllocatesNothingManaged()
    {
        var x = Random(32, 64);
        var labels = _r.Feed(new Shape(32), Enumerable.Range(0, 32).Select(i => (long)(i % 10)).ToArray());
        ulong[] wrt = [Random(64, 128), Random(128), Random(128, 10), Random(10)];
        var hidden = _r.Specs.Op("Relu", _r.Specs.Op("Gemm", x, wrt[0], wrt[1]));
        var loss = _r.Specs.Op("SoftmaxCrossEntropy", _r.Specs.Op("Gemm", hidden, wrt[2], wrt[3]), labels);
        AssertNoManagedBytes(loss, wrt);
    }

    [Fact]
    public void ParkingBetweenAnyTwoUnitsGivesTheSameBits()
    {
        var (request, program, inputs) = Large();
        var expected = _r.Run(request, program).Select(o => o!.Bytes.ToArray()).ToArray();
        using var execution = PlanExecution.Rent(program.Forward, _r.Pool);
        for (var i = 0; i < inputs.Length; i++)
            execution.Bind(i, inputs[i]);

        // A moment in the past parks whenever the clock is looked at, and still each run makes progress.
        var parked = 0;
        while (execution.Run(parkAt: 0) == ExecutionStatus.Parked)
            parked++;
        Assert.InRange(parked, 3, program.Forward.Instructions.Sum(i => i.Kernel.UnitCount));
        for (var i = 0; i < expected.Length; i++)
        {
            using var tensor = execution.TakeTensor(i);
            Assert.True(tensor.AsBytes().SequenceEqual(expected[i]));
        }
    }

    [Fact]
    public void CancellationStopsBetweenUnitsAndReturnsAllBuffers()
    {
        var (_, program, inputs) = Large();
        using var source = new CancellationTokenSource();
        var kernel = new CancellingKernel(source);
        var instruction = program.Forward.Instructions[0] with { Kernel = kernel };
        var plan = new Plan([instruction], [.. program.Forward.Storages], [.. program.Forward.Inputs], [.. program.Forward.Constants], [.. program.Forward.Outputs], 64, 64, 1);
        var execution = PlanExecution.Rent(plan, _r.Pool);
        for (var i = 0; i < inputs.Length; i++)
            execution.Bind(i, inputs[i]);
        Assert.Throws<OperationCanceledException>(() => execution.Run(cancellation: source.Token));
        Assert.Equal(3, kernel.Ran);
        Assert.NotEmpty(_r.Pool.Ledger());
        execution.Dispose();
        Assert.Empty(_r.Pool.Ledger());
    }

    [Fact]
    public void DisposingTwiceHandsTheExecutionOutOnce()
    {
        var (_, program, _) = Large();
        var execution = PlanExecution.Rent(program.Forward, _r.Pool);
        execution.Dispose();
        execution.Dispose();
        using var a = PlanExecution.Rent(program.Forward, _r.Pool);
        using var b = PlanExecution.Rent(program.Forward, _r.Pool);
        Assert.NotSame(a, b);
    }

    [Fact]
    public void AnUnboundInputOrATensorOfAnotherTypeIsRefused()
    {
        var (_, program, _) = Large();
        using var execution = PlanExecution.Rent(program.Forward, _r.Pool);
        Assert.Throws<InvalidOperationException>(() => execution.Run());
        using var tensor = Tensor.From<float>(_r.Pool, new Shape(1), [1f]);
        Assert.Throws<ArgumentException>(() => execution.Bind(0, tensor));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-4)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void AnIndexOutsideItsAxisIsRefusedBeforeMemoryIsTouched(long index)
    {
        var x = _r.Feed(1, 2, 3);
        var y = _r.Specs.Op("Gather", _r.Specs.Op("Exp", x), _r.Feed(new Shape(2), 0L, index));
        var request = _r.Request([y], [y], [x], cotangents: true);
        var error = Assert.Throws<GradientsException>(() => _r.Run(request, ConstantData.Of<double>(new Shape(2), [1, 1])));
        Assert.Equal((ErrorCode.OutOfRange, ErrorReasons.IndexOutOfRange), (error.Code, error.Reason));
        Assert.Equal("Gather", error.Metadata["op"]);
        Assert.Equal(request.Fetches[0].Node.Position, error.Position);
        Assert.Contains(index.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FiniteChecksStopAtTheFirstInstructionThatGivesNaN()
    {
        var x = _r.Feed(1, -1);
        var request = _r.Request([_r.Specs.Op("Exp", _r.Specs.Op("Sqrt", _r.Specs.Op("Neg", x)))]);
        request.Fusion = false;
        var plan = _r.Compile(request).Forward;
        using var execution = PlanExecution.Rent(plan, _r.Pool);
        execution.Bind(0, _r.Feeds[x]);
        var error = Assert.Throws<GradientsException>(() => execution.Run(checkFinite: true));
        Assert.Equal((ErrorReasons.NonFiniteValue, "Sqrt"), (error.Reason, error.Metadata["op"]));
    }

    private ulong Random(params long[] dimensions)
    {
        var shape = new Shape(dimensions);
        var random = new Random((int)shape.ElementCount);
        return _r.Feed(shape, Enumerable.Range(0, (int)shape.ElementCount).Select(_ => (float)(random.NextDouble() - 0.5)).ToArray());
    }

    private (ProgramRequest, CompiledProgram, ConstantData[]) Large()
    {
        var x = _r.Feed(Enumerable.Range(0, 200_000).Select(i => i / 200_000.0).ToArray());
        var y = _r.Specs.Op("Exp", _r.Specs.Op("Tanh", x));
        var sum = _r.Specs.Add("ReduceSum", NoKeep, y);
        var request = _r.Request([y, sum], [sum], [x]);
        return (request, _r.Compile(request), [_r.Feeds[x]]);
    }

    private void AssertNoManagedBytes(ulong loss, ulong[] wrt)
    {
        var request = _r.Request([loss], [loss], wrt);
        var program = _r.Compile(request);
        var plan = program.Forward;
        Assert.Equal(5, plan.Outputs.Count);
        Assert.All(_r.Run(request, program), v => Assert.True(v!.As<float>().ToArray().All(float.IsFinite)));
        var subgraph = new Subgraph();
        subgraph.Start();
        subgraph.Add(request.Fetches[0]);
        foreach (var value in request.Wrt)
            subgraph.Add(value);
        var inputs = subgraph.Sources.Select(s => Tensor.FromBytes(_r.Pool, _r.Feeds[s.Id].DataType, _r.Feeds[s.Id].Shape, _r.Feeds[s.Id].Bytes)).ToArray();

        // Other tests may run beside this one: only this thread's bytes are its own. Code that is not yet optimized may box, and
        // how long that takes depends on them; then there is nothing in any step.
        var allocated = long.MaxValue;
        for (var round = 0; allocated > 0 && round < 20; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
                Step(plan, inputs);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
        foreach (var tensor in inputs)
            tensor.Dispose();
        Assert.Empty(_r.Pool.Ledger());
    }

    private void Step(Plan plan, Tensor[] inputs)
    {
        var execution = PlanExecution.Rent(plan, _r.Pool);
        for (var i = 0; i < inputs.Length; i++)
            execution.Bind(i, inputs[i]);
        if (execution.Run() != ExecutionStatus.Completed)
            throw new InvalidOperationException();
        for (var i = 0; i < plan.Outputs.Count; i++)
            execution.TakeOutput(i).Release();
        execution.Dispose();
    }

    private sealed class CancellingKernel : Engine.Kernels.Kernel
    {
        private readonly CancellationTokenSource _source;

        public CancellingKernel(CancellationTokenSource source)
        {
            _source = source;
            UnitCount = 10;
        }

        public int Ran { get; private set; }

        public override void Run(in Engine.Kernels.KernelArguments arguments, long unit)
        {
            if (++Ran == 3)
                _source.Cancel();
        }
    }
}
