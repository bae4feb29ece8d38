using Gradients.Client.Protocol;
using Gradients.Engine;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>
/// Where nodes are made: a session, a stand-alone graph or the body of a function. Making a node costs no round trip. Nodes
/// are made from one thread at a time; requests may be sent from any.
/// </summary>
public abstract class GraphContext
{
    private readonly Lock _gate = new();
    private ulong _lastId;
    private int _noGrad;

    private protected GraphContext()
    {
    }

    /// <summary>Guards what nodes and requests share.</summary>
    internal Lock Gate => _gate;

    /// <summary>A value that is part of the graph. The elements are copied: the caller's array may be reused at once.</summary>
    /// <param name="value">The elements. Beyond 256 MiB of constants in a session, feed them or use variables.</param>
    /// <param name="label">For people: shown in errors and profiles.</param>
    public Node Constant(TensorData value, string? label = null)
    {
        ArgumentNullException.ThrowIfNull(value);
        var copy = value.Copy();
        var known = copy.Shape.ElementCount <= ShapeRules.MaxKnownElements
            ? KnownValue.Of(new ConstantData(copy.DataType, copy.Shape, copy.Bytes.Span))
            : new KnownValue(new NodeType(copy.DataType, copy.Shape));
        var tensor = copy.ToMessage();
        var definition = new V1.Node { Op = "Constant", Attributes = { new V1.Attribute { Name = "value", Tensor = tensor } } };
        var node = Append(definition, copy.DataType, known, label);
        Included(tensor, copy);
        return node;
    }

    /// <summary>Applies any op of the catalog by its name, ONNX's where ONNX has it.</summary>
    /// <param name="op">The name, as <see cref="GradientsClient.ListOpsAsync"/> lists it.</param>
    /// <param name="inputs">The inputs in order; null leaves out an optional one.</param>
    /// <param name="attributes">Named constants: integers, reals, text, bool, arrays of long or double, data types.</param>
    /// <exception cref="GradientsClientException">Inputs or attributes do not fit the op; raised here where shapes are known.</exception>
    public Node Op(string op, IReadOnlyList<Node?> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        try
        {
            return Apply(op, Attributes.Of(attributes), [.. inputs]);
        }
        catch (GradientsException e)
        {
            throw Errors.Local(e.With("op", op));
        }
    }

    /// <summary>
    /// A function that only this process can compute, forward and backward: the server asks for its values while the request
    /// waits. Its name is registered with <see cref="Session.RegisterCustom"/>. One node an output.
    /// </summary>
    /// <param name="name">The name of the function.</param>
    /// <param name="inputs">The inputs, of any types.</param>
    /// <param name="options">Types of the outputs, what has a gradient, what is saved. Default: one output like the first input.</param>
    /// <exception cref="GradientsClientException">The options do not fit each other or, where shapes are known, the inputs.</exception>
    public Node[] Custom(string name, IReadOnlyList<Node> inputs, CustomOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var definition = new V1.Node { Op = "Custom" };
        Node?[] arguments = [.. inputs];
        AddInputs(definition, arguments);
        var attributes = (options ?? new CustomOptions()).ToAttributes(name, HasBackward(name));
        attributes.AddTo(definition);
        var known = ShapeRules.InferAll(OpCatalog.Find("Custom")!, attributes, arguments);
        return AppendAll(definition, known, i => known[i].Type?.DataType ?? (attributes.Types("types") is { } types ? types[i].DataType : inputs[(int)(attributes.Ints("like") ?? [0])[i]].DataType), attributes);
    }

    /// <summary>
    /// The gradient as nodes of the graph (create_graph): differentiable again, one per <paramref name="wrt"/>, of its type and
    /// shape; zeros where no path leads to it.
    /// </summary>
    /// <param name="roots">What to differentiate; several are summed.</param>
    /// <param name="wrt">With respect to what: any floating values of the graph.</param>
    /// <param name="cotangents">One per root, null for 1 at a scalar root. Left out: 1 at every root.</param>
    public Node[] Gradient(IReadOnlyList<Node> roots, IReadOnlyList<Node> wrt, IReadOnlyList<Node?>? cotangents = null)
    {
        ArgumentNullException.ThrowIfNull(roots);
        ArgumentNullException.ThrowIfNull(wrt);
        if (roots.Count == 0 || wrt.Count == 0 || (cotangents is not null && cotangents.Count != roots.Count))
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.InputCountMismatch, $"Gradient takes at least one root and one wrt value, and one cotangent a root; {roots.Count}, {wrt.Count} and {cotangents?.Count ?? 0} were given.", ("op", "Gradient"));
        Node?[] inputs = [.. roots, .. wrt, .. cotangents ?? []];
        var definition = new V1.Node { Op = "Gradient" };
        AddInputs(definition, inputs);
        Attributes.Of(("roots", (long)roots.Count), ("wrt", (long)wrt.Count)).AddTo(definition);
        lock (_gate)
        {
            var outputs = new Node[wrt.Count];
            for (var i = 0; i < outputs.Length; i++)
            {
                var id = ++_lastId;
                if (i == 0)
                    definition.Id = id;
                else
                    definition.AdditionalOutputIds.Add(id);
                outputs[i] = new Node(this, id, "Gradient", wrt[i].DataType, wrt[i].Known with { Constant = null });
            }

            Defined(outputs[0], definition);
            return outputs;
        }
    }

    /// <summary>The gradient of one scalar by one value, as a node that is differentiable again.</summary>
    public Node Gradient(Node root, Node wrt) => Gradient([root], [wrt])[0];

    /// <summary>
    /// Until disposed, every op made here is followed by StopGradient: values are computed, nothing flows back through them.
    /// </summary>
    public IDisposable NoGrad()
    {
        _noGrad++;
        return new NoGradRegion(this);
    }

    /// <summary>Adds an op or a call of a function.</summary>
    internal Node Apply(string name, Attributes attributes, params ReadOnlySpan<Node?> inputs)
    {
        var op = OpCatalog.Find(name);
        var function = op is null ? FindFunction(name) : null;
        var definition = new V1.Node { Op = name };
        AddInputs(definition, inputs);
        attributes.AddTo(definition);
        var known = function is not null ? ShapeRules.Call(function, inputs)[0]
            : op is not null ? ShapeRules.Infer(op, attributes, inputs)
            : throw Errors.Local(StatusCode.Unimplemented, ErrorReasons.OpUnsupported, $"There is no op or function named '{name}'.", ("op", name));
        var node = Append(definition, known.Type?.DataType ?? ShapeRules.DataTypeOf(op, attributes, inputs), known, null);
        node.Attributes = this is FunctionBody ? attributes : null;
        return _noGrad > 0 && op is not StructuralOp ? Stopped(node) : node;
    }

    /// <summary>Calls a function with several outputs.</summary>
    internal Node[] Call(FunctionBody function, ReadOnlySpan<Node?> inputs)
    {
        var definition = new V1.Node { Op = function.Name };
        AddInputs(definition, inputs);
        var known = ShapeRules.Call(function, inputs);
        return AppendAll(definition, known, i => known[i].Type?.DataType, null);
    }

    /// <summary>A 0-d constant that takes the element type of <paramref name="like"/>; real numbers beside integers are an error of the op.</summary>
    internal Node ScalarLike(Node like, double value) => Constant(like.DataType switch
    {
        DataType.Float32 => TensorData.Scalar((float)value),
        DataType.Int64 when double.IsInteger(value) => TensorData.Scalar((long)value),
        _ => TensorData.Scalar(value),
    });

    internal Node Ints(ReadOnlySpan<long> values) => Constant(TensorData.Of(values.ToArray(), values.Length));

    private protected Node Append(V1.Node definition, DataType? dataType, KnownValue known, string? label)
    {
        lock (_gate)
        {
            definition.Id = ++_lastId;
            definition.Label = label ?? "";
            var node = new Node(this, definition.Id, definition.Op, dataType, known) { Label = label };
            Defined(node, definition);
            return node;
        }
    }

    /// <summary>Appends a definition with one node an output.</summary>
    private Node[] AppendAll(V1.Node definition, KnownValue[] known, Func<int, DataType?> dataType, Attributes? attributes)
    {
        lock (_gate)
        {
            var outputs = new Node[known.Length];
            for (var i = 0; i < outputs.Length; i++)
            {
                var id = ++_lastId;
                if (i == 0)
                    definition.Id = id;
                else
                    definition.AdditionalOutputIds.Add(id);
                outputs[i] = new Node(this, id, definition.Op, dataType(i), known[i]) { Attributes = this is FunctionBody ? attributes : null };
            }

            Defined(outputs[0], definition);
            return _noGrad > 0 ? Array.ConvertAll(outputs, Stopped) : outputs;
        }
    }

    private protected ulong NextId() => ++_lastId;

    /// <summary>Takes a new definition; the gate is held.</summary>
    private protected abstract void Defined(Node node, V1.Node definition);

    /// <summary>Tells that a definition includes these elements; they may be too large for a message.</summary>
    private protected virtual void Included(V1.Tensor message, TensorData data)
    {
    }

    /// <summary>Changes a definition that may not be sent yet.</summary>
    internal abstract void Relabel(Node node, string label);

    private protected abstract FunctionBody? FindFunction(string name);

    /// <summary>Whether a custom function has a backward, as far as is known here.</summary>
    private protected virtual bool HasBackward(string custom) => true;

    private Node Stopped(Node node) => node.DataType is { } type && !type.IsFloating()
        ? node
        : Append(new V1.Node { Op = "StopGradient", Inputs = { node.Id } }, node.DataType, node.Known with { Constant = null }, null);

    private void AddInputs(V1.Node definition, ReadOnlySpan<Node?> inputs)
    {
        foreach (var input in inputs)
        {
            input?.RequireUsableIn(this);
            definition.Inputs.Add(input?.Id ?? 0);
        }
    }

    private sealed class NoGradRegion(GraphContext context) : IDisposable
    {
        private GraphContext? _context = context;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _context, null) is { } context)
                context._noGrad--;
        }
    }
}
