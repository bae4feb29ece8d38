using Gradients.Client.Protocol;
using Gradients.Engine;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>
/// A value of a graph: an op applied to earlier values. It holds no elements; ask for them with
/// <see cref="ValueAsync(Feeds?, RequestOptions?, CancellationToken)"/>. Operators and methods make further nodes, under NumPy
/// broadcasting, without a round trip; what cannot fit raises a <see cref="GradientsClientException"/> at once where shapes are
/// known. Plain numbers beside a node are 0-d constants of its element type.
/// </summary>
public partial class Node
{
    internal Node(GraphContext context, ulong id, string op, DataType? dataType, KnownValue known)
    {
        Context = context;
        Id = id;
        OpType = op;
        DataType = dataType;
        Known = known;
    }

    /// <summary>The id in the contract, chosen by this library; unique in its session, graph or function.</summary>
    public ulong Id { get; }

    /// <summary>The op or function that makes the value.</summary>
    public string OpType { get; }

    /// <summary>The element type; null inside functions, where parameters have none.</summary>
    public DataType? DataType { get; }

    /// <summary>The shape; null where it depends on symbolic dimensions or a function's parameters.</summary>
    public Shape? Shape => Known.Type?.Shape;

    /// <summary>A name for people: shown in errors, traces and profiles.</summary>
    public string? Label { get; internal set; }

    /// <summary>Where the node lives.</summary>
    public GraphContext Context { get; }

    internal KnownValue Known { get; }

    /// <summary>The attributes, in functions: their bodies are walked again with each call's types.</summary>
    internal Attributes? Attributes { get; set; }

    /// <summary>The declared type of an input.</summary>
    internal TensorType? Declared { get; set; }

    internal bool IsReleased { get; set; }

    /// <summary>Bytes of the value, or null when its shape is not known.</summary>
    internal long? ByteCount => Known.Type is { } type ? type.Shape.ElementCount * type.DataType.Size() : null;

    /// <summary>Names the node for people and returns it. Without effect on the server once the node has been sent.</summary>
    public Node Named(string label)
    {
        Label = label;
        Context.Relabel(this, label);
        return this;
    }

    /// <summary>Computes the value, anywhere in the graph: one round trip, nothing is kept.</summary>
    /// <param name="feeds">Values of the inputs that it depends on.</param>
    /// <param name="options">Deadline and checks.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="InvalidOperationException">The node belongs to no session.</exception>
    /// <exception cref="GradientsClientException">The computation failed.</exception>
    public Task<TensorData> ValueAsync(Feeds? feeds = null, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        Context is Session session
            ? session.ValueAsync(this, feeds, options, cancellationToken)
            : throw new InvalidOperationException("Only nodes of a session have values; evaluate a graph with GradientsClient.EvaluateAsync.");

    /// <summary>The id, op and type as people read them: %3 = MatMul : float32[2, 5].</summary>
    public override string ToString() => $"%{Id} = {OpType}{(Label is null ? "" : $" '{Label}'")} : {Known.Type?.ToString() ?? $"{DataType?.Name() ?? "?"}[?]"}";

    internal void RequireOwner(GraphContext context)
    {
        if (!ReferenceEquals(Context, context))
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.ValueNotFound, $"{this} belongs to another session, graph or function.", ("op", OpType));
    }

    internal void RequireUsableIn(GraphContext context)
    {
        RequireOwner(context);
        if (IsReleased)
            throw Errors.Local(StatusCode.NotFound, ErrorReasons.ValueNotFound, $"{this} was released.", ("node", Id.ToString(System.Globalization.CultureInfo.InvariantCulture)), ("op", OpType));
    }
}
