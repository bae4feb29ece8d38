using System.Collections;

namespace Gradients.Client;

/// <summary>
/// Values for one request: <c>new Feeds { [x] = array }</c>. The caller's arrays are referred to, not copied: they may be
/// reused as soon as the request's task has completed, also when it was cancelled.
/// </summary>
public sealed class Feeds : IEnumerable<KeyValuePair<Node, object>>
{
    private readonly Dictionary<Node, object> _values = [];

    /// <summary>How many values there are.</summary>
    public int Count => _values.Count;

    /// <summary>The value of an input; in stand-alone graphs also of a variable. A one-dimensional array takes the declared shape.</summary>
    public TensorData this[Node node]
    {
        set => _values[node] = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>Adds a value.</summary>
    public void Add(Node node, TensorData value) => _values.Add(node, value);

    /// <summary>Adds a tensor that the session holds already.</summary>
    public void Add(Node node, TensorHandle handle) => _values.Add(node, handle);

    public IEnumerator<KeyValuePair<Node, object>> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
