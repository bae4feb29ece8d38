using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;
using Gradients.Engine.Tests.Compilation;

namespace Gradients.Engine.Tests.Execution;

/// <summary>
/// The concurrent units of every kernel, run from the last to the first of each stage with a workspace that is filled with NaN
/// before each, give the bits that they give in order.
/// </summary>
public sealed class UnitContractTests : IDisposable
{
    private readonly ProgramRunner _r = new();

    public static TheoryData<string> Names => [.. Cases.Keys];

    private static Dictionary<string, Func<UnitContractTests, ulong[]>> Cases { get; } = new()
    {
        ["product"] = t => [t.Op("MatMul", t.Random(700, 300), t.Random(300, 900))],
        ["transposed product"] = t => [t._r.Specs.Add("Gemm", Attributes.Of(("transA", 1L), ("transB", 1L)), t.Random(300, 700), t.Random(900, 300), t.Random(900))],
        ["large product"] = t => [t.Op("Relu", t._r.Specs.Add("Gemm", Attributes.Of(("transA", 1L)), t.Random(2600, 550), t.Random(2600, 1024), t.Random(1024)))],
        ["batch of large products"] = t => [t.Op("MatMul", t.Random(3, 300, 512), t.Random(3, 512, 600))],
        ["batched product"] = t => [t.Op("MatMul", t.Random(64, 60, 70), t.Random(70, 80))],
        ["matrix and vector"] = t => [t.Op("MatMul", t.Random(3000, 1500), t.Random(1500, 1)), t.Op("MatMul", t.Random(1, 3000), t.Random(3000, 1501))],
        ["elementwise"] = t => [t.Op("Mul", t.Op("Tanh", t.Random(1000, 513)), t.Op("Exp", t.Random(1000, 1)))],
        ["transpose"] = t => [t.Op("Exp", t._r.Specs.Add("Transpose", Attributes.Of(("perm", new long[] { 2, 0, 1 })), t.Random(80, 90, 100)))],
        ["whole sum"] = t => [t.Reduce("ReduceSum", t.Random(1_500_000))],
        ["column sums"] = t => [t._r.Specs.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), t.Random(40_000, 30), t.Constant(0))],
        ["row maxima"] = t => [t._r.Specs.Add("ReduceMax", Attributes.Of(("keepdims", 0L), ("axes", new long[] { 1 })), t.Random(2000, 700))],
        ["log sum exp"] = t => [t.Reduce("ReduceLogSumExp", t.Random(900_000))],
        ["softmax"] = t => [t.Op("Softmax", t.Random(3000, 400)), t.Op("LogSoftmax", t.Random(3001, 400))],
        ["cross entropy"] = t => [t.Op("SoftmaxCrossEntropy", t.Random(3000, 400), t.Indices(3000, 400))],
        ["layer normalization"] = t => [t.Op("LayerNormalization", t.Random(3000, 400), t.Random(400), t.Random(400))],
        ["gather"] = t => [t.Op("Gather", t.Random(500, 700), t.Indices(2000, 500))],
        ["slice"] = t => [t.Op("Slice", t.Random(900, 1000), t.Constant(1), t.Constant(890), t.Constant(0), t.Constant(2))],
        ["concatenation"] = t => [t._r.Specs.Add("Concat", Attributes.Of(("axis", 1L)), t.Random(1000, 500), t.Random(1000, 301))],
        ["max pool"] = t => [t._r.Specs.Add("MaxPool", Attributes.Of(("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 })), t.Random(64, 16, 28, 28))],
        ["average pool"] = t => [t._r.Specs.Add("AveragePool", Attributes.Of(("kernel_shape", new long[] { 3, 3 })), t.Random(64, 6, 28, 28))],
        ["dropout"] = t => [t._r.Specs.Add("Dropout", Attributes.Of(("seed", 7L)), t.Random(300, 700), t._r.Specs.Scalar(0.4f), t.Flag(), t._r.Specs.Constant(Shape.Scalar, 3L))],
        ["convolution"] = t => [t._r.Specs.Add("Conv", Attributes.Of(("pads", new long[] { 1, 1, 1, 1 })), t.Random(8, 16, 40, 40), t.Random(24, 16, 3, 3), t.Random(24))],
    };

    public void Dispose() => _r.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void OrderAndScratchOfConcurrentUnitsChangeNoBit(string name)
    {
        var fetches = Cases[name](this);
        var loss = fetches.Select(f => Reduce("ReduceSum", Op("Mul", f, f))).Aggregate((a, b) => Op("Add", a, b));
        var wrt = _r.Feeds.Where(f => f.Value.DataType == DataType.Float32).Select(f => f.Key).ToArray();
        var request = _r.Request([.. fetches, loss], [loss], wrt);
        var plan = _r.Compile(request).Forward;
        Assert.Contains(plan.Instructions, i => i.Kernel.ConcurrentUnits > 1);
        var subgraph = new Subgraph();
        subgraph.Start();
        foreach (var value in request.Fetches.Concat(request.Wrt))
            subgraph.Add(value);
        ConstantData[] inputs = [.. subgraph.Sources.Select(s => s.Op == StructuralOp.Constant ? Subgraph.ConstantOf(s) : _r.Feeds[s.Id])];
        var expected = _r.Execute(plan, inputs);
        var actual = _r.Execute(Reversed(plan), inputs);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(expected[i].Bytes.SequenceEqual(actual[i].Bytes), $"Output {i} differs.");
    }

    private static Plan Reversed(Plan plan) => new(
        [.. plan.Instructions.Select(i => i with { Kernel = new ReversedKernel(i.Kernel) })],
        [.. plan.Storages],
        [.. plan.Inputs],
        [.. plan.Constants],
        [.. plan.Outputs],
        plan.ArenaBytes,
        plan.PeakLiveBytes,
        plan.ForwardInstructions);

    private ulong Op(string name, params ulong[] inputs) => _r.Specs.Op(name, inputs);

    private ulong Reduce(string name, ulong x) => _r.Specs.Add(name, Attributes.Of(("keepdims", 0L)), x);

    private ulong Constant(params long[] values) => _r.Specs.Constant(new Shape(values.Length), values);

    private ulong Flag() => _r.Specs.Add("Constant", Attributes.Of(("value", ConstantData.Scalar(DataType.Bool, 1))));

    private ulong Indices(int count, int bound)
    {
        var random = new Random(count);
        return _r.Feed(new Shape(count), Enumerable.Range(0, count).Select(_ => (long)random.Next(bound)).ToArray());
    }

    private ulong Random(params long[] dimensions)
    {
        var shape = new Shape(dimensions);
        var random = new Random((int)shape.ElementCount);
        return _r.Feed(shape, Enumerable.Range(0, (int)shape.ElementCount).Select(_ => (float)(random.NextDouble() - 0.5)).ToArray());
    }

    private sealed unsafe class ReversedKernel : Kernel
    {
        private readonly Kernel _kernel;

        public ReversedKernel(Kernel kernel)
        {
            _kernel = kernel;
            (UnitCount, WorkspaceBytes, SharedBytes) = (Math.Min(1, kernel.UnitCount), kernel.WorkspaceBytes, kernel.SharedBytes);
        }

        public override void Run(in KernelArguments arguments, long unit)
        {
            for (var stage = 0; stage < _kernel.StageCount; stage++)
            {
                var (first, count) = _kernel.UnitsOf(stage);
                for (var u = first + count - 1; u >= first; u--)
                    RunUnit(arguments, u);
            }

            for (var u = _kernel.ConcurrentUnits; u < _kernel.UnitCount; u++)
                RunUnit(arguments, u);
        }

        private void RunUnit(in KernelArguments arguments, long unit)
        {
            new Span<byte>(arguments.Workspace, checked((int)WorkspaceBytes)).Fill(0xFF);
            _kernel.Run(arguments, unit);
        }
    }
}
