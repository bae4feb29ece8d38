using CsCheck;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

/// <summary>One step of a random graph: which op, on which earlier values, and a number that chooses its attributes.</summary>
internal readonly record struct Step(int Op, int A, int B, int K);

/// <summary>Turns random steps into definitions; a step whose shapes do not fit is left out.</summary>
internal sealed class RandomGraphs
{
    /// <summary>The step that adds StopGradient.</summary>
    public const int StopGradient = 7;

    private const int OpCount = 57;

    private static readonly Shape[] Shapes = [Shape.Scalar, new(3), new(2, 3), new(4, 1), new(2, 3, 4), new(0, 3), new(1), new(3, 1, 4), new(4, 700), new(3000)];

    public static readonly Gen<Step[]> Steps = Gen.Select(Gen.Int[0, OpCount - 1], Gen.Int[0, 30], Gen.Int[0, 30], Gen.Int[0, 1000], (op, a, b, k) => new Step(op, a, b, k)).Array[4, 40];

    private readonly ProgramRunner _runner;
    private readonly GraphBuilder _shapes = new();
    private readonly Dictionary<ulong, Node> _nodeOf = [];
    private readonly bool _double;

    public RandomGraphs(ProgramRunner runner, Step[] steps)
    {
        _runner = runner;
        _double = steps[0].K % 2 == 0;
        var random = new Random(steps.Length);
        for (var i = 0; i < 4; i++)
        {
            var shape = Shapes[(steps[0].A + (i * steps[0].B) + (i * i)) % Shapes.Length];
            var elements = Enumerable.Range(0, (int)shape.ElementCount).Select(_ => (random.NextDouble() * 4) - 2).ToArray();
            var id = _double ? runner.Feed(shape, elements) : runner.Feed(shape, Array.ConvertAll(elements, e => (float)e));
            Inputs.Add(id);
            Values.Add(id);
            _nodeOf[id] = _shapes.Input(Type, shape, i);
        }

        foreach (var step in steps)
            Add(step);
    }

    public List<ulong> Inputs { get; } = [];

    /// <summary>All floating values of the graph's own type.</summary>
    public List<ulong> Values { get; } = [];

    public DataType Type => _double ? DataType.Float64 : DataType.Float32;

    public Shape ShapeOf(ulong value) => _nodeOf[value].Shape;

    private void Add(Step step)
    {
        var (a, b, k) = (Values[step.A % Values.Count], Values[step.B % Values.Count], step.K);
        var shape = ShapeOf(a);
        var axis = shape.Rank == 0 ? 0 : k % shape.Rank;
        var axes = Attributes.Of(("axes", new long[] { axis }), ("keepdims", (long)(k % 2)));
        switch (step.Op)
        {
            case < 8:
                Try(((string[])["Neg", "Tanh", "Sigmoid", "Relu", "Abs", "Exp", "Softplus", "StopGradient"])[step.Op], Attributes.None, a);
                break;
            case < 13:
                Try(((string[])["Add", "Sub", "Mul", "Div", "Max"])[step.Op - 8], Attributes.None, a, b);
                break;
            case 13:
                if (Try("MatMul", Attributes.None, a, b) == 0 && shape.Rank >= 2)
                    Try("MatMul", Attributes.None, a, Try("Transpose", Attributes.Of(("perm", Enumerable.Range(0, shape.Rank - 2).Select(d => (long)d).Append(shape.Rank - 1).Append(shape.Rank - 2).ToArray())), a));
                break;
            case 14:
                Try("Where", Attributes.None, Try("Less", Attributes.None, a, b), a, b);
                break;
            case 15:
                Try("ReduceMean", Attributes.Of(("keepdims", (long)(k % 2))), a);
                break;
            case 16 when shape.Rank > 0:
                Try("ReduceSum", Attributes.Of(("keepdims", (long)(k % 2))), a, Ints(axis));
                break;
            case 17 when shape.Rank > 0:
                Try("ReduceMax", axes, a);
                break;
            case 18 when shape.Rank > 0:
                Try("Softmax", Attributes.Of(("axis", (long)axis)), a);
                break;
            case 19:
                Try("Transpose", Attributes.Of(("perm", Enumerable.Range(0, shape.Rank).Select(d => (long)((d + k) % shape.Rank)).ToArray())), a);
                break;
            case 20:
                Try("Reshape", Attributes.None, a, k % 3 == 0 ? Ints(-1) : k % 3 == 1 ? Ints(2, -1) : Ints([1, .. shape.Dimensions]));
                break;
            case 21 when shape.Rank > 0:
                Try("Slice", Attributes.None, a, Ints(k % 5 - 2), k % 2 == 0 ? Ints(100) : Ints(-100), Ints(axis), k % 2 == 0 ? Ints(1 + (k % 3)) : Ints(-1 - (k % 3)));
                break;
            case 22:
                Try("Expand", Attributes.None, a, Ints([2, .. shape.Dimensions.ToArray().Select(_ => 1L)]));
                break;
            case 23 when shape.Rank > 0 && shape[axis] > 0:
                Try("Gather", Attributes.Of(("axis", (long)axis)), a, Ints(k % shape[axis], -1, 0));
                break;
            case 24 when shape.Rank > 0:
                Try("Concat", Attributes.Of(("axis", (long)axis)), a, b, a);
                break;
            case 25:
                Try("Mul", Attributes.None, a, Number((k - 500) / 64.0));
                break;
            case >= 26 and < 37:
                Try(((string[])["Sign", "Reciprocal", "Sqrt", "Log", "Erf", "Gelu", "Identity", "Relu", "Tanh", "Sigmoid", "Softplus"])[step.Op - 26], Attributes.None, a);
                break;
            case 37:
                Try("Gelu", Attributes.Of(("approximate", "tanh")), a);
                break;
            case 38:
                Try("Min", Attributes.None, a, b, Values[k % Values.Count]);
                break;
            case 39:
                Try("Clip", Attributes.None, a, Number(-0.5), Number(k / 500.0));
                break;
            case 40:
                Try("Cast", Attributes.Of(("to", Type)), Try(k % 2 == 0 ? "Equal" : "Greater", Attributes.None, a, b));
                break;
            case 41 when shape.Rank > 0:
                Try("ReduceMin", axes, a);
                break;
            case 42 when shape.Rank > 0:
                Try("ReduceLogSumExp", axes, a);
                Try(((string[])["ReduceL1", "ReduceL2", "ReduceSumSquare"])[k % 3], axes, a);
                break;
            case 43 when shape.Rank > 0:
                Try("LogSoftmax", Attributes.Of(("axis", (long)axis)), a);
                break;
            case 44:
                if (Try("Gemm", Attributes.Of(("transA", (long)(k % 2)), ("transB", (long)(k / 2 % 2)), ("alpha", 0.5)), a, b) == 0)
                    Try("Gemm", Attributes.Of(("transA", (long)(k % 2)), ("transB", 1L - (k % 2))), a, a);
                break;
            case 45:
                Try("Squeeze", Attributes.None, a);
                break;
            case 46:
                Try("Unsqueeze", Attributes.None, a, Ints(k % (shape.Rank + 1)));
                break;
            case 47:
                Try("Cast", Attributes.Of(("to", Type)), Try("Shape", Attributes.None, a));
                break;
            case 48:
                var reduction = Attributes.Of(("reduction", ((string[])["mean", "sum", "none"])[k % 3]));
                foreach (var loss in (string[])["MeanSquaredError", "BinaryCrossEntropyWithLogits"])
                {
                    if (Try(loss, reduction, a, b) == 0)
                        Try(loss, reduction, a, Try("Sigmoid", Attributes.None, a));
                }

                break;
            case 49 when shape.Rank == 2 && shape[1] > 0:
                Try("SoftmaxCrossEntropy", Attributes.None, a, Ints([.. Enumerable.Range(0, (int)shape[0]).Select(i => (i + k) % shape[1])]));
                break;
            case 50:
                Try("Pow", Attributes.None, a, Number(k % 4));
                break;
            case 51:
                Try("Pow", Attributes.None, Try("Abs", Attributes.None, a), b);
                break;
            case 52 when shape.Rank > 0:
                var along = Values.LastOrDefault(v => ShapeOf(v).Equals(new Shape(shape[-1])));
                var scale = along != 0 ? along : Number(1.5);
                Try("LayerNormalization", Attributes.Of(("epsilon", 0.25)), k % 2 == 0 ? [a, scale] : [a, scale, scale]);
                Try("RMSNormalization", Attributes.Of(("axis", (long)axis), ("epsilon", 0.25)), a, Number(-0.75));
                break;
            case 53:
                Try("Dropout", Attributes.Of(("seed", (long)(k - 500))), a, Number(k % 10 / 10.0), Constant(ConstantData.Scalar(DataType.Bool, k % 7 == 0 ? 0 : 1)), Constant(ConstantData.Scalar(DataType.Int64, step.B)));
                break;
            case 54:
                AddConvolution(a, b, k);
                break;
            case 55 when ShapeOf(a).ElementCount is > 0 and < 5000:
                var line = Try("Reshape", Attributes.None, a, shape.ElementCount % 2 == 0 ? Ints(1, 1, 2, -1) : Ints(1, 1, -1));
                long[] window = shape.ElementCount % 2 == 0 ? [1 + (k % 2), 2] : [2];
                var pool = new List<(string, object)> { ("kernel_shape", window), ("strides", Array.ConvertAll(window, _ => 1L + (k % 3))), ("auto_pad", k % 2 == 0 ? "SAME_UPPER" : "NOTSET"), ("ceil_mode", (long)(k / 2 % 2)) };
                Try("AveragePool", Attributes.Of([.. pool, ("count_include_pad", (long)(k / 4 % 2))]), line);
                Try("MaxPool", Attributes.Of([.. pool]), line);
                Try("GlobalAveragePool", Attributes.None, line);
                Try("GlobalMaxPool", Attributes.None, line);
                break;
            case 56 when shape.ElementCount < 150 && ShapeOf(b).ElementCount < 150:
                var keys = Try("Reshape", Attributes.None, b, Ints(1, 1, -1, 1));
                Try("Attention", Attributes.Of(("is_causal", (long)(k % 2))), Try("Reshape", Attributes.None, a, Ints(1, 1, -1, 1)), keys, keys);
                break;
        }
    }

    /// <summary>One line of the first value, or a plane of two channels and two groups, and weights from the beginning of the second.</summary>
    private void AddConvolution(ulong a, ulong b, int k)
    {
        var flat = Try("Reshape", Attributes.None, b, Ints(-1));
        long count = ShapeOf(a).ElementCount, weights = ShapeOf(b).ElementCount;
        if (count is 0 or > 5000 || weights == 0)
            return;
        if (count % 4 == 0 && weights >= 4)
        {
            var w = Try("Reshape", Attributes.None, Try("Slice", Attributes.None, flat, Ints(0), Ints(4)), Ints(2, 1, 1, 2));
            Try("Conv", Attributes.Of(("group", 2L), ("pads", new long[] { 0, 1, 0, 1 }), ("strides", new long[] { 1, 1 + (k % 3) })), Try("Reshape", Attributes.None, a, Ints(1, 2, 2, -1)), w);
            return;
        }

        var taps = Try("Reshape", Attributes.None, Try("Slice", Attributes.None, flat, Ints(0), Ints(Math.Min(3, weights))), Ints(1, 1, -1));
        Try("Conv", Attributes.Of(("pads", new long[] { 2, 3 }), ("dilations", new long[] { 1 + (k % 2) }), ("strides", new long[] { 1 + (k % 3) })), Try("Reshape", Attributes.None, a, Ints(1, 1, -1)), taps);
    }

    private ulong Ints(params long[] values) => Constant(ConstantData.Of<long>(new Shape(values.Length), values));

    private ulong Number(double value) => Constant(ConstantData.Scalar(Type, value));

    private ulong Constant(ConstantData data)
    {
        var id = _runner.Specs.Add("Constant", Attributes.Of(("value", data)));
        _nodeOf[id] = _shapes.Constant(data);
        return id;
    }

    private ulong Try(string op, Attributes attributes, params ulong[] inputs)
    {
        if (inputs.Contains(0UL))
            return 0;
        try
        {
            var node = _shapes.AddAll(OpCatalog.Find(op)!, attributes, Array.ConvertAll<ulong, Node?>(inputs, i => _nodeOf[i]))[0];
            if (node.Shape.ElementCount > 50_000)
                return 0;
            var id = _runner.Specs.Add(op, attributes, inputs);
            _nodeOf[id] = node;
            if (node.DataType == Type)
                Values.Add(id);
            return id;
        }
        catch (GradientsException)
        {
            return 0;
        }
    }
}
