using System.Text.Json;
using Gradients.Engine.Autodiff;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.GradientCheck.Tests;

/// <summary>Values, gradients and second derivatives that PyTorch computed (Goldens/write_goldens.py).</summary>
public class GoldenTests
{
    private static readonly Dictionary<string, JsonElement> Goldens = Load();

    public static TheoryData<string> Names => [.. Goldens.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Agrees_with_PyTorch(string name)
    {
        var golden = Goldens[name];
        var builder = new GraphBuilder();
        var bound = new List<ConstantData>();
        var inputs = golden.GetProperty("inputs").EnumerateArray().Select(e => Bind(builder, bound, e)).ToArray();
        var op = OpCatalog.Find(golden.GetProperty("op").GetString()!)!;
        var y = builder.Add(op, AttributeCheck.Checked(op, ReadAttributes(golden.GetProperty("attributes"))), inputs);
        var u = Bind(builder, bound, golden.GetProperty("cotangent"));
        var count = golden.GetProperty("gradients").GetArrayLength();
        Node[] wrt = [.. inputs.Where(i => i.InputSlot >= 0).Take(count)];
        var gradients = ReverseMode.Gradients([y], [u], wrt);

        Compare(golden.GetProperty("output"), y, bound, "output");
        for (var i = 0; i < count; i++)
            Compare(golden.GetProperty("gradients")[i], gradients[i]!, bound, $"gradient {i}");
        if (!golden.TryGetProperty("second", out var second))
            return;
        var vectors = golden.GetProperty("vectors").EnumerateArray().Select(e => Bind(builder, bound, e)).ToArray();
        var total = gradients.Zip(vectors, (g, v) => (g! * v).Sum()).Aggregate((a, b) => a + b);
        var actual = ReverseMode.Gradients([total], [], wrt);
        for (var i = 0; i < count; i++)
            Compare(second[i], actual[i] ?? builder.Scalar(DataType.Float64, 0).BroadcastTo(wrt[i].Shape), bound, $"second {i}");
    }

    private static void Compare(JsonElement expected, Node actual, List<ConstantData> bound, string what)
    {
        Assert.Equal(new Shape(Longs(expected.GetProperty("shape"))), actual.Shape);
        // Sums of differently ordered terms of size about 1.
        Numbers.Close([.. expected.GetProperty("values").EnumerateArray().Select(e => e.GetDouble())], Numbers.Doubles(Interpreter.Evaluate(actual, bound)), 1e-12, 1e-14, what);
    }

    private static Node Bind(GraphBuilder builder, List<ConstantData> bound, JsonElement tensor)
    {
        var shape = new Shape(Longs(tensor.GetProperty("shape")));
        if (tensor.GetProperty("type").GetString() == "int64")
            return builder.Constant(ConstantData.Of<long>(shape, Longs(tensor.GetProperty("values"))));
        bound.Add(Numbers.Data(shape, [.. tensor.GetProperty("values").EnumerateArray().Select(e => e.GetDouble())]));
        return builder.Input(DataType.Float64, shape, bound.Count - 1);
    }

    private static Attributes ReadAttributes(JsonElement attributes) => Attributes.Of([.. attributes.EnumerateObject().Select(a => (a.Name, Value(a.Value)))]);

    private static object Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => (object)Longs(value),
        JsonValueKind.String => value.GetString()!,
        _ when value.TryGetInt64(out var integer) => integer,
        _ => value.GetDouble(),
    };

    private static long[] Longs(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetInt64())];

    private static Dictionary<string, JsonElement> Load()
    {
        using var stream = typeof(GoldenTests).Assembly.GetManifestResourceStream("goldens.json")!;
        return JsonDocument.Parse(stream).RootElement.EnumerateArray().ToDictionary(e => e.GetProperty("name").GetString()!);
    }
}
