using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.GradientCheck.Tests.Onnx;

/// <summary>A node in ONNX's terms.</summary>
internal sealed record OnnxNode(string Op, string[] Inputs, string[] Outputs, (string, object)[] Attributes);

/// <summary>One of ONNX's node cases: a small graph, tensors for its inputs, and its outputs.</summary>
internal sealed class OnnxCase
{
    private const string Folder = "/usr/share/libonnx-testdata/data/node";

    private OnnxCase(string name)
    {
        var model = WireReader.Fields(File.ReadAllBytes(Path.Combine(Folder, name, "model.onnx")));
        var graph = WireReader.Fields(model.Single(f => f.Number == 7).Bytes);
        Nodes = [.. graph.Where(f => f.Number == 1).Select(f => ReadNode(WireReader.Fields(f.Bytes)))];
        InputNames = [.. graph.Where(f => f.Number == 11).Select(NameOf)];
        OutputNames = [.. graph.Where(f => f.Number == 12).Select(NameOf)];
        AreTensors = graph.Where(f => f.Number is 11 or 12).All(IsTensor);
        if (!AreTensors)
            return;
        Inputs = [.. InputNames.Select((_, i) => Tensor(name, $"input_{i}.pb"))];
        Outputs = [.. OutputNames.Select((_, i) => Tensor(name, $"output_{i}.pb"))];
    }

    public OnnxNode[] Nodes { get; }

    public string[] InputNames { get; }

    public string[] OutputNames { get; }

    /// <summary>Whether inputs and outputs are tensors, neither sequences nor optional values.</summary>
    public bool AreTensors { get; }

    /// <summary>Null where the element type is none of ours.</summary>
    public ConstantData?[] Inputs { get; } = [];

    public ConstantData?[] Outputs { get; } = [];

    public static bool Installed => Directory.Exists(Folder);

    /// <summary>The cases whose ops, attributes and element types are all supported; older opsets have axes as attributes.</summary>
    public static string[] Supported() => !Installed ? [] :
    [
        .. Directory.GetDirectories(Folder).Select(d => Path.GetFileName(d)!).Where(n => Names(n).All(op => OpCatalog.Find(op) is { Kind: not OpKind.Structural }))
            .Where(n => Read(n) is { AreTensors: true } c && c.Nodes.All(HasKnownAttributes) && c.Inputs.Concat(c.Outputs).All(t => t is not null)).Order(StringComparer.Ordinal),
    ];

    public static OnnxCase Read(string name) => new(name);

    private static bool HasKnownAttributes(OnnxNode node) =>
        node.Attributes.All(a => Array.Exists(OpCatalog.Find(node.Op)!.Schema.Attributes, s => s.Name == a.Item1));

    private static IEnumerable<string> Names(string name)
    {
        var model = WireReader.Fields(File.ReadAllBytes(Path.Combine(Folder, name, "model.onnx")));
        var graph = WireReader.Fields(model.Single(f => f.Number == 7).Bytes);
        return graph.Where(f => f.Number == 1).Select(f => WireReader.Fields(f.Bytes)).Select(n => n.Any(f => f.Number == 7 && f.Bytes.Length > 0) ? "other domain" : n.Single(f => f.Number == 4).Text);
    }

    private static string NameOf(WireField value) => WireReader.Fields(value.Bytes).Single(f => f.Number == 1).Text;

    private static bool IsTensor(WireField value) =>
        WireReader.Fields(WireReader.Fields(value.Bytes).Single(f => f.Number == 2).Bytes).Any(f => f.Number == 1);

    private static OnnxNode ReadNode(List<WireField> fields) => new(
        fields.Single(f => f.Number == 4).Text,
        [.. fields.Where(f => f.Number == 1).Select(f => f.Text)],
        [.. fields.Where(f => f.Number == 2).Select(f => f.Text)],
        [.. fields.Where(f => f.Number == 5).Select(f => ReadAttribute(WireReader.Fields(f.Bytes)))]);

    private static (string, object) ReadAttribute(List<WireField> fields)
    {
        object value = fields.First(f => f.Number == 20).Integer switch
        {
            1 => (double)fields.Single(f => f.Number == 2).Single,
            2 => fields.FirstOrDefault(f => f.Number == 3) is { Number: 3 } i ? (long)i.Integer : 0L,
            3 => fields.Single(f => f.Number == 4).Text,
            7 => fields.Where(f => f.Number == 8).SelectMany(f => f.Varints()).ToArray(),
            var other => throw new NotSupportedException($"Attribute type {other}."),
        };
        return (fields.Single(f => f.Number == 1).Text, value);
    }

    private static ConstantData? Tensor(string name, string file)
    {
        var path = Path.Combine(Folder, name, "test_data_set_0", file);
        var fields = WireReader.Fields(File.ReadAllBytes(path));
        var shape = new Shape([.. fields.Where(f => f.Number == 1).SelectMany(f => f.Varints())]);
        DataType? type = fields.FirstOrDefault(f => f.Number == 2).Integer switch { 1 => DataType.Float32, 11 => DataType.Float64, 7 => DataType.Int64, 9 => DataType.Bool, _ => null };
        if (type is not { } known)
            return null;
        if (fields.FirstOrDefault(f => f.Number == 9) is { IsBytes: true } raw)
            return new ConstantData(known, shape, raw.Bytes.Span);
        return known switch
        {
            DataType.Float32 => ConstantData.Of<float>(shape, [.. fields.Where(f => f.Number == 4).SelectMany(f => f.Packed<float>())]),
            DataType.Float64 => ConstantData.Of<double>(shape, [.. fields.Where(f => f.Number == 10).SelectMany(f => f.Packed<double>())]),
            DataType.Int64 => ConstantData.Of<long>(shape, [.. fields.Where(f => f.Number == 7).SelectMany(f => f.Varints())]),
            _ => ConstantData.Of<bool>(shape, [.. fields.Where(f => f.Number == 5).SelectMany(f => f.Varints()).Select(v => v != 0)]),
        };
    }
}
