using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Execution;

/// <summary>
/// Answers call-outs: one value for each of <see cref="Callout.Values"/>, in tensors that become the engine's; null where a
/// value is not wanted or, backward, where nothing flows. It is called on a compute thread and must return its task soon;
/// until the task is done the request waits and holds no thread. It disposes of the call-out when it needs its tensors no more.
/// </summary>
/// <param name="callout">What is asked.</param>
/// <param name="cancellation">The request is over: nobody waits for the answer any more.</param>
/// <exception cref="GradientsException">The request fails with it and changes nothing.</exception>
public delegate Task<IReadOnlyList<Tensor?>> CalloutHandler(Callout callout, CancellationToken cancellation);

/// <summary>A tensor of a call-out.</summary>
/// <param name="Tensor">The elements; null where they were not saved, or an output can have no cotangent.</param>
public readonly record struct CalloutTensor(NodeType Type, Tensor? Tensor);

/// <summary>A <c>Custom</c> node asks for its outputs, or for the gradients of its inputs. Owns the tensors that it shows.</summary>
public sealed class Callout : IDisposable
{
    private readonly Tensor[] _owned;
    private int _disposed;

    /// <param name="node">Id of the node in the client's graph.</param>
    /// <param name="arguments">In the order of the call's nodes; taken over.</param>
    /// <param name="wanted">Positions of the values that something reads.</param>
    internal Callout(ulong node, CalloutCall call, Tensor[] arguments, IReadOnlyList<int> wanted)
    {
        _owned = arguments;
        (Node, Name, Phase, Wanted, Values) = (node, call.Name, call.Phase, wanted, call.Values);
        var next = 0;
        CalloutTensor[] Show(NodeType[] types, IEnumerable<int> positions)
        {
            var shown = Array.ConvertAll(types, t => new CalloutTensor(t, null));
            foreach (var position in positions)
                shown[position] = new CalloutTensor(types[position], arguments[next++]);
            return shown;
        }

        var backward = Phase == CalloutPhase.Backward;
        Inputs = Show(call.Inputs, backward ? call.SavedInputs : Enumerable.Range(0, call.Inputs.Length));
        Outputs = backward ? Show(call.Outputs, call.SavedOutputs) : [];
        Cotangents = backward ? Show(call.Outputs, call.WithCotangent) : [];
    }

    /// <summary>Id of the node in the client's graph; of the call, when the node is inside a function.</summary>
    public ulong Node { get; }

    /// <summary>What to compute.</summary>
    public string Name { get; }

    public CalloutPhase Phase { get; }

    /// <summary>The node's inputs.</summary>
    public IReadOnlyList<CalloutTensor> Inputs { get; }

    /// <summary>Backward: the node's outputs.</summary>
    public IReadOnlyList<CalloutTensor> Outputs { get; }

    /// <summary>Backward: one an output.</summary>
    public IReadOnlyList<CalloutTensor> Cotangents { get; }

    /// <summary>Types of the values asked for: the outputs, or the gradient of each input.</summary>
    public IReadOnlyList<NodeType> Values { get; }

    /// <summary>Positions of the values that are used; others may be left out.</summary>
    public IReadOnlyList<int> Wanted { get; }

    /// <summary>Bytes of the elements that are shown.</summary>
    public long ByteCount => _owned.Sum(t => t.ByteCount);

    /// <summary>Gives the tensors back; a second call does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        foreach (var tensor in _owned)
            tensor.Dispose();
    }
}
