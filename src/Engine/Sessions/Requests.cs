using System.Collections.ObjectModel;
using System.Diagnostics;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>What every request carries besides its own content.</summary>
public abstract record SessionRequest
{
    /// <summary>Functions and nodes that are defined before the rest is looked at; kept also when the rest fails.</summary>
    public IReadOnlyList<FunctionSpec> Functions { get; init; } = [];

    public IReadOnlyList<NodeSpec> Nodes { get; init; } = [];

    /// <summary>Parent of the spans.</summary>
    public ActivityContext Trace { get; init; } = Activity.Current?.Context ?? default;
}

public sealed record DefineRequest : SessionRequest
{
    /// <summary>Is told the types of <see cref="TypedValues"/>; what it throws refuses the definitions. Null = types are not asked for.</summary>
    public Action<IReadOnlyList<TensorType?>>? Types { get; init; }

    /// <summary>Values of this definition or defined before.</summary>
    public IReadOnlyList<ulong> TypedValues { get; init; } = [];
}

/// <summary>A request that computes.</summary>
public abstract record ComputeRequest : SessionRequest
{
    /// <summary>Values by the id of their Input (or Variable, for this request only). They stay the caller's; they must live until the answer.</summary>
    public IReadOnlyDictionary<ulong, Tensor> Feeds { get; init; } = ReadOnlyDictionary<ulong, Tensor>.Empty;

    /// <summary>Ids of values to return.</summary>
    public IReadOnlyList<ulong> Fetches { get; init; } = [];

    /// <summary>Fail with NON_FINITE_VALUE at the first node that gives NaN or infinity; parameters are then unchanged.</summary>
    public bool CheckFinite { get; init; }

    /// <summary>Return times, bytes and FLOPs of each instruction.</summary>
    public bool Profile { get; init; }

    /// <summary>Fuse elementwise chains; off only to compare.</summary>
    public bool Fusion { get; init; } = true;

    /// <summary>Answers call-outs of <c>Custom</c> nodes. Null: such a node is CALLOUT_UNAVAILABLE.</summary>
    public CalloutHandler? Callouts { get; init; }

    /// <summary>What travels in the reply; null when nothing is limited.</summary>
    public ReplyLimit? Reply { get; init; }
}

/// <summary>
/// How much of the results a reply can carry. A request whose reply could not be sent is refused before it has any effect.
/// </summary>
/// <param name="MaxBytes">The most bytes of elements.</param>
/// <param name="InlineFetches">For each fetch, whether its elements are in the reply.</param>
/// <param name="InlineGradients">Whether the gradients' elements are in the reply.</param>
public sealed record ReplyLimit(long MaxBytes, IReadOnlyList<bool> InlineFetches, bool InlineGradients)
{
    /// <summary>Results of more bytes than this are not in the reply itself. The default value is unbounded: all of them are.</summary>
    public long InlineBytes { get; init; } = long.MaxValue;

    /// <summary>Reserves memory for that many bytes of a reply, or throws: the request is then refused before it has any effect.</summary>
    public Action<long>? Reserve { get; init; }

    /// <summary>The limit's name in refusals.</summary>
    public string Name { get; init; } = "max_message_bytes";
}

public sealed record ForwardRequest : ComputeRequest
{
    /// <summary>Keep a run for a later backward.</summary>
    public bool Gradients { get; init; }

    /// <summary>Values that a backward may start from; needed when <see cref="Gradients"/>.</summary>
    public IReadOnlyList<ulong> Roots { get; init; } = [];

    /// <summary>What the roots will be differentiated for; empty means all floating variables they depend on.</summary>
    public IReadOnlyList<ulong> Wrt { get; init; } = [];
}

public enum GradientMode
{
    Return,
    Accumulate,
    Both,
}

/// <param name="Cotangent">Of the root's shape and type; null for scalars means 1.</param>
public readonly record struct GradientRoot(ulong Value, Tensor? Cotangent = null);

public sealed record BackwardRequest : ComputeRequest
{
    /// <summary>The run to differentiate, or 0 for one joint pass over the feeds.</summary>
    public ulong Run { get; init; }

    public IReadOnlyList<GradientRoot> Roots { get; init; } = [];

    /// <summary>Empty means all floating variables that the roots depend on (or what the run declared).</summary>
    public IReadOnlyList<ulong> Wrt { get; init; } = [];

    public GradientMode Mode { get; init; }

    /// <summary>Keep the run for another backward.</summary>
    public bool Retain { get; init; }

    public bool ZerosForAbsent { get; init; }
}

/// <param name="Tensor">The new value, or null to assign <paramref name="Value"/>. Shared, not copied.</param>
/// <param name="Value">A value of the graph to compute and assign, without tracking.</param>
/// <param name="ExpectedVersion">Refuse with VERSION_CONFLICT unless the variable is at this version.</param>
public readonly record struct VariableUpdate(ulong Variable, Tensor? Tensor, ulong Value = 0, ulong? ExpectedVersion = null);

public sealed record SetVariablesRequest : ComputeRequest
{
    public IReadOnlyList<VariableUpdate> Updates { get; init; } = [];
}

public sealed record GetVariablesRequest : SessionRequest
{
    /// <summary>Empty means all.</summary>
    public IReadOnlyList<ulong> Variables { get; init; } = [];
}

public sealed record ZeroGradientsRequest : SessionRequest
{
    /// <summary>Empty means all.</summary>
    public IReadOnlyList<ulong> Variables { get; init; } = [];

    /// <summary>Zeros instead of absent, where a gradient was present.</summary>
    public bool KeepZeros { get; init; }
}

public sealed record ApplyGradientsRequest : SessionRequest
{
    public required Optimizer Optimizer { get; init; }

    /// <summary>Empty means all variables that have a gradient.</summary>
    public IReadOnlyList<ulong> Variables { get; init; } = [];

    /// <summary>Make the applied gradients absent afterwards.</summary>
    public bool ZeroGradients { get; init; }
}

public sealed record ReleaseRequest : SessionRequest
{
    /// <summary>Unknown ids and names are ignored in all four: releasing twice is no error.</summary>
    public IReadOnlyList<ulong> Values { get; init; } = [];

    public IReadOnlyList<string> FunctionNames { get; init; } = [];

    public IReadOnlyList<ulong> Runs { get; init; } = [];

    public IReadOnlyList<ulong> Tensors { get; init; } = [];
}
