using System.Diagnostics;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Graph;

public sealed class GraphDefinitionTests
{
    private static readonly Attributes Scalar = Attributes.Of(("type", new TensorType(DataType.Float32)));
    private static readonly Attributes OneRoot = Attributes.Of(("roots", 1L), ("wrt", 1L));

    [Fact]
    public void EachStructuralErrorHasItsReasonAndNamesItsNode()
    {
        NodeSpec x = new(1, "Input", [], Scalar);
        AssertRefused(ErrorReasons.NodeExists, 1, x, new(1, "Exp", [1], Attributes.None));
        AssertRefused(ErrorReasons.NodeExists, 2, x, new(2, "Exp", [1], Attributes.None) { AdditionalOutputs = [1] });
        AssertRefused(ErrorReasons.NodeExists, 2, x, new(2, "Exp", [1], Attributes.None) { AdditionalOutputs = [3, 3] });
        AssertRefused(ErrorReasons.NodeExists, 2, x, new(2, "Exp", [1], Attributes.None) { AdditionalOutputs = [2] });
        AssertRefused(ErrorReasons.InvalidField, 0, x, new(0, "Exp", [1], Attributes.None));
        AssertRefused(ErrorReasons.GraphCycle, 2, x, new(2, "Add", [1, 2], Attributes.None));
        AssertRefused(ErrorReasons.GraphCycle, 2, x, new(2, "Add", [1, 3], Attributes.None) { AdditionalOutputs = [3] });
        AssertRefused(ErrorReasons.GraphCycle, 2, x, new(2, "Add", [1, 3], Attributes.None), new(3, "Neg", [2], Attributes.None));
        AssertRefused(ErrorReasons.GraphCycle, 2, new(2, "Exp", [1], Attributes.None), x);
        AssertRefused(ErrorReasons.ValueNotFound, 2, x, new(2, "Add", [1, 99], Attributes.None));
        AssertRefused(ErrorReasons.OpUnsupported, 2, x, new(2, "Frobnicate", [1], Attributes.None));
        AssertRefused(ErrorReasons.OpUnsupported, 2, x, new(2, "SumAxis", [1], Attributes.None));
        AssertRefused(ErrorReasons.UnknownAttribute, 2, x, new(2, "Exp", [1], Attributes.Of(("base", 2L))));
        AssertRefused(ErrorReasons.InvalidAttribute, 2, x, new(2, "ReduceSum", [1], Attributes.Of(("keepdims", "yes"))));
        AssertRefused(ErrorReasons.InvalidAttribute, 2, x, new(2, "Cast", [1], Attributes.Of(("to", 10L))));
        AssertRefused(ErrorReasons.InvalidAttribute, 2, x, new(2, "Input", [], Attributes.None));
        AssertRefused(ErrorReasons.InvalidAttribute, 2, x, new(2, "Variable", [], Attributes.Of(("type", new TensorType(DataType.Float32, "n")))));
        AssertRefused(ErrorReasons.ShapeMismatch, 2, x, new(2, "Variable", [], Attributes.Of(("type", new TensorType(DataType.Float32, -3L)))));
        AssertRefused(ErrorReasons.InputCountMismatch, 2, x, new(2, "Add", [1], Attributes.None));
        AssertRefused(ErrorReasons.InputCountMismatch, 2, x, new(2, "Add", [1, 1, 1], Attributes.None));
        AssertRefused(ErrorReasons.InputCountMismatch, 2, x, new(2, "Add", [1, 0], Attributes.None));
        AssertRefused(ErrorReasons.InputCountMismatch, 2, x, new(2, "Max", [], Attributes.None));
        AssertRefused(ErrorReasons.InputCountMismatch, 2, x, new(2, "Input", [1], Scalar));
        AssertRefused(ErrorReasons.InputCountMismatch, 2, x, new(2, "Exp", [1], Attributes.None) { AdditionalOutputs = [3] });
    }

    [Fact]
    public void GradientNodesCountTheirInputsAndOutputs()
    {
        NodeSpec x = new(1, "Input", [], Scalar);
        NodeSpec y = new(2, "Exp", [1], Attributes.None);
        Define(x, y, new(3, "Gradient", [2, 1], OneRoot), new(4, "Gradient", [2, 1, 2], OneRoot), new(5, "Gradient", [2, 1, 2], Attributes.Of(("wrt", 2L))) { AdditionalOutputs = [6] });
        foreach (var (roots, wrt) in new[] { (0L, 1L), (1L, 0L), (-1L, 1L), (1L, -1L), (2L, 1L), (1L, 2L), (long.MaxValue, 1L), (1L, long.MaxValue), (long.MaxValue, long.MaxValue), (long.MinValue, 1L) })
            AssertRefused(ErrorReasons.InputCountMismatch, 3, x, y, new(3, "Gradient", [2, 1], Attributes.Of(("roots", roots), ("wrt", wrt))));
        AssertRefused(ErrorReasons.InputCountMismatch, 3, x, y, new(3, "Gradient", [2, 1], Attributes.Of(("wrt", false))));
        AssertRefused(ErrorReasons.InputCountMismatch, 3, x, y, new(3, "Gradient", [2, 0], OneRoot));
        AssertRefused(ErrorReasons.InputCountMismatch, 3, x, y, new(3, "Gradient", [2, 1, 2, 2], OneRoot));
        AssertRefused(ErrorReasons.InvalidAttribute, 3, x, y, new(3, "Gradient", [2, 1], Attributes.None));
        AssertRefused(ErrorReasons.InvalidAttribute, 3, x, y, new(3, "Gradient", [2, 1], Attributes.Of(("wrt", "1"))));
    }

    [Fact]
    public void AnAttributeIsGivenOnce() =>
        Assert.Equal(ErrorReasons.InvalidAttribute, Assert.Throws<GradientsException>(() => Attributes.Of(("a", 1L), ("a", 2L))).Reason);

    [Fact]
    public void AFailingDefinitionLeavesNothing()
    {
        var graph = Define(new NodeSpec(1, "Input", [], Scalar));
        Assert.Throws<GradientsException>(() => graph.Add([Identity("f")], [new(2, "Variable", [], Scalar), new(3, "f", [1], Attributes.None), new(4, "Nope", [], Attributes.None)]));
        Assert.Equal(1, graph.NodeCount);
        Assert.Empty(graph.Variables);
        Assert.False(graph.Contains(2) || graph.Contains(3));

        // Neither ids nor the function's name are taken.
        graph.Add([Identity("f")], [new(2, "Variable", [], Scalar), new(3, "f", [1], Attributes.None)]);
        Assert.Equal(3, graph.NodeCount);
        graph.Release(3);
        graph.Release(2);
        graph.Release(1);
        Assert.Equal(0, graph.NodeCount);
    }

    [Fact]
    public void WhatIsStillUsedOutlivesItsRelease()
    {
        var graph = Define(new NodeSpec(1, "Input", [], Scalar), new(2, "Exp", [1], Attributes.None), new(3, "Mul", [2, 2], Attributes.None), new(4, "Neg", [2], Attributes.None));
        graph.Release(1);
        graph.Release(2);
        graph.Release(2);
        Assert.Equal(4, graph.NodeCount);
        Assert.Equal(ErrorReasons.ValueNotFound, Assert.Throws<GradientsException>(() => graph[2]).Reason);

        // The id is free at once and means something else to new nodes only.
        graph.Add([], [new(2, "Input", [], Scalar), new(5, "Neg", [2], Attributes.None)]);
        Assert.Equal("Exp", graph[3].Node.Inputs[0]!.Value.Node.Op.Name);
        Assert.Equal("Input", graph[5].Node.Inputs[0]!.Value.Node.Op.Name);
        graph.Release(3);
        Assert.Equal(5, graph.NodeCount);
        graph.Release(4);
        Assert.Equal(2, graph.NodeCount);
    }

    [Fact]
    public void AnyOutputReleasesItsNode()
    {
        var graph = Define(new NodeSpec(1, "Input", [], Scalar), new(2, "Exp", [1], Attributes.None), new(3, "Gradient", [2, 1, 2], Attributes.Of(("wrt", 2L))) { AdditionalOutputs = [4] });
        graph.Release(4);
        Assert.False(graph.Contains(3) || graph.Contains(4));
        Assert.Equal(2, graph.NodeCount);
    }

    [Fact]
    public void ALongChainIsReleasedWithoutRecursion()
    {
        const ulong Length = 200_000;
        var specs = new List<NodeSpec> { new(1, "Input", [], Scalar) };
        for (ulong id = 2; id <= Length; id++)
            specs.Add(new(id, "Exp", [id - 1], Attributes.None));
        var graph = Define([.. specs]);
        for (ulong id = 1; id < Length; id++)
            graph.Release(id);
        Assert.Equal((int)Length, graph.NodeCount);
        graph.Release(Length);
        Assert.Equal(0, graph.NodeCount);
    }

    [Fact]
    public void QuotasOnNodesFunctionsAndConstants()
    {
        var limits = new GraphLimits { MaxNodes = 4, MaxFunctions = 1, MaxConstantBytes = 64 };
        var graph = new GraphDefinition(limits, OpCatalog.Find);
        graph.Add([], [new(1, "Input", [], Scalar), new(2, "Exp", [1], Attributes.None)]);
        AssertQuota(() => graph.Add([], [new(3, "Exp", [2], Attributes.None), new(4, "Exp", [3], Attributes.None), new(5, "Exp", [4], Attributes.None)]));
        Assert.Equal(2, graph.NodeCount);
        AssertQuota(() => graph.Add([Identity("f"), Identity("g")], []));
        AssertQuota(() => graph.Add([], [Constant(3, 12), Constant(4, 12)]));
        AssertQuota(() => graph.Add([], [Constant(3, 17)]));
        graph.Add([], [Constant(3, 16)]);
        graph.Release(3);
        graph.Add([], [Constant(3, 16)]);
    }

    [Fact]
    public void FunctionsCountToTheQuotas()
    {
        var graph = new GraphDefinition(new GraphLimits { MaxNodes = 5, MaxConstantBytes = 64 }, OpCatalog.Find);
        AssertQuota(() => graph.Add([new("f", [1], [Constant(2, 17)], [1])], []));
        graph.Add([new("f", [1], [Constant(2, 12)], [1])], []);
        AssertQuota(() => graph.Add([], [Constant(1, 12)]));
        AssertQuota(() => graph.Add([new("g", [1], [new(2, "Exp", [1], Attributes.None), new(3, "Exp", [1], Attributes.None), new(4, "Exp", [1], Attributes.None)], [2])], []));
        graph.ReleaseFunction("f");
        graph.Add([], [Constant(1, 12)]);
    }

    [Fact]
    public void FunctionErrorsNameTheFunction()
    {
        NodeSpec exp = new(2, "Exp", [1], Attributes.None);
        AssertFunction(ErrorReasons.InvalidField, new("Exp", [1], [exp], [2]));
        AssertFunction(ErrorReasons.InvalidField, new("", [1], [exp], [2]));
        AssertFunction(ErrorReasons.NodeExists, new("f", [1, 1], [exp], [2]));
        AssertFunction(ErrorReasons.NodeExists, new("f", [0], [], [1]));
        AssertFunction(ErrorReasons.NodeExists, new("f", [1], [new(1, "Exp", [1], Attributes.None)], [1]));
        AssertFunction(ErrorReasons.ValueNotFound, new("f", [1], [exp], [7]));
        AssertFunction(ErrorReasons.ValueNotFound, new("f", [1], [new(2, "Exp", [9], Attributes.None)], [2]));
        AssertFunction(ErrorReasons.InvalidField, new("f", [1], [new(2, "Input", [], Scalar)], [2]));
        AssertFunction(ErrorReasons.InvalidField, new("f", [1], [new(2, "Variable", [], Scalar)], [2]));
        AssertFunction(ErrorReasons.FunctionNotFound, new("f", [1], [exp], [2], "missing"));
        AssertFunction(ErrorReasons.InputCountMismatch, new("f", [1], [exp], [2], "id", [1]));
        AssertFunction(ErrorReasons.ValueNotFound, new("f", [1], [exp], [2], "id", [5]));
        AssertFunction(ErrorReasons.FunctionExists, new("id", [1], [exp], [2]));
        AssertFunction(ErrorReasons.InvalidField, new("f", [1], [exp], [0], "id"));
        AssertFunction(ErrorReasons.InputCountMismatch, new("f", [1], [new(2, "id", [1, 1], Attributes.None)], [2]));
    }

    [Fact]
    public void CallsTakeTheFunctionsArgumentsAndOutputs()
    {
        FunctionSpec two = new("two", [1, 2], [], [1, 2]);
        var graph = Define(new NodeSpec(1, "Input", [], Scalar));
        graph.Add([two, new("none", [1], [], [0])], []);
        AssertReason(ErrorReasons.InputCountMismatch, () => graph.Add([], [new(2, "two", [1], Attributes.None) { AdditionalOutputs = [3] }]));
        AssertReason(ErrorReasons.InputCountMismatch, () => graph.Add([], [new(2, "two", [1, 0], Attributes.None) { AdditionalOutputs = [3] }]));
        AssertReason(ErrorReasons.InputCountMismatch, () => graph.Add([], [new(2, "two", [1, 1], Attributes.None)]));
        AssertReason(ErrorReasons.UnknownAttribute, () => graph.Add([], [new(2, "two", [1, 1], OneRoot) { AdditionalOutputs = [3] }]));
        AssertReason(ErrorReasons.InvalidField, () => graph.Add([], [new(2, "none", [1], Attributes.None)]));
        graph.Add([], [new(2, "two", [1, 1], Attributes.None) { AdditionalOutputs = [3] }]);
    }

    [Fact]
    public void RecursionIsRefused()
    {
        var graph = new GraphDefinition(new GraphLimits(), OpCatalog.Find);
        AssertReason(ErrorReasons.OpUnsupported, () => graph.Add([new("f", [1], [new(2, "f", [1], Attributes.None)], [2])], []));
        AssertReason(ErrorReasons.FunctionNotFound, () => graph.Add([new("f", [1], [], [1], "f")], []));

        // Nor through a name that is released and defined anew: the call keeps the first.
        graph.Add([Identity("f"), new("g", [1], [new(2, "f", [1], Attributes.None)], [2])], []);
        graph.ReleaseFunction("f");
        graph.Add([new("f", [1], [new(2, "g", [1], Attributes.None)], [2])], [new(1, "Input", [], Scalar), new(2, "f", [1], Attributes.None)]);
        Assert.Equal(3, graph[2].Node.Function!.Depth);
    }

    [Fact]
    public void CallsNestSixteenDeep()
    {
        var graph = new GraphDefinition(new GraphLimits(), OpCatalog.Find);
        graph.Add([Identity("f1")], []);
        for (var depth = 2; depth <= 16; depth++)
            graph.Add([new($"f{depth}", [1], [new(2, $"f{depth - 1}", [1], Attributes.None)], [2])], []);
        var error = AssertReason(ErrorReasons.ComputeQuota, () => graph.Add([new("f17", [1], [new(2, "f16", [1], Attributes.None)], [2])], []));
        Assert.Equal("f17", error.Metadata["function"]);
        AssertReason(ErrorReasons.ComputeQuota, () => graph.Add([new("custom", [1], [], [1], "f16", [])], []));
    }

    /// <summary>Each of nine functions calls the one before it ten times: 10⁹ nodes from a few kilobytes.</summary>
    [Theory]
    [InlineData("Exp")]
    [InlineData(null)]
    public void FunctionsThatExpandBeyondTheLimitAreRefusedFromTheirCount(string? op)
    {
        var graph = new GraphDefinition(new GraphLimits { MaxExpandedNodes = 100_000 }, OpCatalog.Find);
        graph.Add([op is null ? Identity("f0") : new("f0", [1], [.. Enumerable.Range(2, 10).Select(i => new NodeSpec((ulong)i, op, [(ulong)i - 1], Attributes.None))], [11])], []);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        var depth = 1;
        var error = AssertReason(ErrorReasons.ComputeQuota, () =>
        {
            for (; depth < 10; depth++)
                graph.Add([new($"f{depth}", [1], [.. Enumerable.Range(2, 10).Select(i => new NodeSpec((ulong)i, $"f{depth - 1}", [(ulong)i - 1], Attributes.None))], [11])], []);
        });
        Assert.InRange(depth, 4, 5);
        Assert.Equal($"f{depth}", error.Metadata["function"]);
        Assert.True(watch.ElapsedMilliseconds < 500);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    private static GraphDefinition Define(params NodeSpec[] nodes)
    {
        var graph = new GraphDefinition(new GraphLimits(), OpCatalog.Find);
        graph.Add([], nodes);
        return graph;
    }

    private static FunctionSpec Identity(string name) => new(name, [1], [], [1]);

    private static NodeSpec Constant(ulong id, int floats) =>
        new(id, "Constant", [], Attributes.Of(("value", ConstantData.Of<float>(new Shape(floats), new float[floats]))));

    private static void AssertRefused(string reason, ulong node, params NodeSpec[] nodes)
    {
        var graph = new GraphDefinition(new GraphLimits(), OpCatalog.Find);
        var error = AssertReason(reason, () => graph.Add([], nodes));
        Assert.Equal(node.ToString(), error.Metadata["node"]);
        Assert.Equal(0, graph.NodeCount);
    }

    private static void AssertFunction(string reason, FunctionSpec function)
    {
        var graph = new GraphDefinition(new GraphLimits(), OpCatalog.Find);
        graph.Add([Identity("id")], []);
        Assert.Equal(function.Name, AssertReason(reason, () => graph.Add([function], [])).Metadata["function"]);
    }

    private static void AssertQuota(Action action) => AssertReason(ErrorReasons.SessionQuota, action);

    private static GradientsException AssertReason(string reason, Action action)
    {
        var error = Assert.Throws<GradientsException>(action);
        Assert.Equal(reason, error.Reason);
        return error;
    }
}
