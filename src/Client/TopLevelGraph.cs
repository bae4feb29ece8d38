using Gradients.Client.Protocol;
using Gradients.Engine;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>What sessions and stand-alone graphs share: inputs, variables and functions.</summary>
public abstract class TopLevelGraph : GraphContext
{
    private readonly Dictionary<string, FunctionBody> _functions = [];

    private protected TopLevelGraph()
    {
    }

    /// <summary>Declares a value that is fed with each request.</summary>
    /// <typeparam name="T">float, double, long or bool.</typeparam>
    /// <param name="name">The name for people.</param>
    /// <param name="dimensions">
    /// Numbers, or names such as <c>"batch"</c> that take one length wherever they occur in a request; none for a scalar. What
    /// follows from named dimensions is checked by the server when the lengths are known.
    /// </param>
    public Node Input<T>(string name, params ReadOnlySpan<Dimension> dimensions) where T : unmanaged => Input(name, DataTypes.Of<T>(), dimensions);

    /// <summary>Declares a value that is fed with each request.</summary>
    public Node Input(string name, DataType dataType, params ReadOnlySpan<Dimension> dimensions)
    {
        var type = new TensorType(dataType, dimensions.ToArray());
        var definition = new V1.Node { Op = "Input" };
        Attributes.Of(("type", type), ("name", name)).AddTo(definition);
        var known = type.Dimensions.All(d => d.Symbol is null)
            ? new KnownValue(new NodeType(dataType, TensorData.ShapeOf([.. type.Dimensions.Select(d => d.Size)])))
            : KnownValue.Unknown;
        var node = Append(definition, dataType, known, name);
        node.Declared = type;
        return node;
    }

    /// <summary>Declares a variable with its initial value, which is copied and sent with the next request.</summary>
    /// <param name="name">The name for people.</param>
    /// <param name="initial">The value; its type and shape become the variable's.</param>
    public Variable Variable(string name, TensorData initial)
    {
        ArgumentNullException.ThrowIfNull(initial);
        return AddVariable(name, new NodeType(initial.DataType, initial.Shape), initial.Copy());
    }

    /// <summary>Declares a variable with its initial value.</summary>
    /// <param name="name">The name for people.</param>
    /// <param name="initial">The elements, row-major; copied.</param>
    /// <param name="shape">The dimensions; none means one dimension as long as the array.</param>
    public Variable Variable<T>(string name, T[] initial, params ReadOnlySpan<long> shape) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(initial);
        return Variable(name, shape.Length == 0 ? TensorData.Of(initial, initial.Length) : TensorData.Of(initial, shape));
    }

    /// <summary>Declares a scalar variable with its initial value.</summary>
    public Variable Variable<T>(string name, T initial) where T : unmanaged => Variable(name, TensorData.Scalar(initial));

    /// <summary>Declares a variable without a value: it is to be set (or fed) before it is used.</summary>
    public Variable Variable(string name, DataType dataType, params ReadOnlySpan<long> shape) => AddVariable(name, new NodeType(dataType, TensorData.ShapeOf(shape)), null);

    /// <summary>
    /// Defines a function: a body over parameters, callable as an op, optionally with a gradient of its own in place of the
    /// derivative of its body. Bodies are data and run on the server.
    /// </summary>
    /// <param name="name">Different from every op and function.</param>
    /// <param name="parameters">How many parameters it has.</param>
    /// <param name="body">Makes the outputs from the parameters, with nodes of the function only.</param>
    /// <param name="gradient">
    /// Makes one gradient per parameter from saved values and the outputs' cotangents; null for a parameter that gets none.
    /// </param>
    /// <exception cref="GradientsClientException">FUNCTION_EXISTS, or a node inside does not fit.</exception>
    public Function DefineFunction(string name, int parameters, Func<FunctionBody, IReadOnlyList<Node>, IReadOnlyList<Node>> body, Func<FunctionGradient, IReadOnlyList<Node?>>? gradient = null)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (string.IsNullOrEmpty(name) || OpCatalog.Find(name) is not null || _functions.ContainsKey(name))
            throw Errors.Local(StatusCode.AlreadyExists, ErrorReasons.FunctionExists, $"'{name}' is empty or the name of an op or function.", ("op", name));
        var function = new FunctionBody(name, parameters, this);
        function.Outputs = [.. body(function, function.Parameters)];
        foreach (var output in function.Outputs)
            output.RequireUsableIn(function);
        if (function.Outputs.Count == 0)
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.InvalidField, $"'{name}' returns nothing.", ("op", name));
        FunctionGradient? derivative = null;
        if (gradient is not null)
        {
            derivative = new FunctionGradient(function, this);
            derivative.Complete(gradient(derivative));
        }

        lock (Gate)
        {
            if (derivative is not null)
                FunctionDefined(derivative.ToMessage());
            FunctionDefined(function.ToMessage(derivative));
            _functions.Add(name, function);
        }

        return new Function(this, function);
    }

    /// <summary>Defines a function of one parameter and one output.</summary>
    public Function DefineFunction(string name, Func<FunctionBody, Node, Node> body, Func<FunctionGradient, Node?>? gradient = null)
    {
        ArgumentNullException.ThrowIfNull(body);
        return DefineFunction(name, 1, (f, x) => [body(f, x[0])], gradient is null ? null : g => [gradient(g)]);
    }

    /// <summary>Takes a new function; the gate is held.</summary>
    private protected abstract void FunctionDefined(V1.Function function);

    /// <summary>Takes the initial value of a new variable.</summary>
    private protected virtual void VariableInitialized(Variable variable, TensorData value)
    {
    }

    internal FunctionBody? Function(string name)
    {
        lock (Gate)
            return _functions.GetValueOrDefault(name);
    }

    private protected override FunctionBody? FindFunction(string name) => Function(name);

    private Variable AddVariable(string name, NodeType type, TensorData? initial)
    {
        var definition = new V1.Node { Op = "Variable", Label = name };
        Attributes.Of(("type", TensorType.Of(type.DataType, type.Shape)), ("name", name)).AddTo(definition);
        lock (Gate)
        {
            definition.Id = NextId();
            var variable = new Variable(this, definition.Id, name, type) { Initial = initial };
            Defined(variable, definition);
            if (initial is not null)
                VariableInitialized(variable, initial);
            return variable;
        }
    }
}
