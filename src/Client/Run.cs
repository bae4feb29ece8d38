using Gradients.Client.Protocol;
using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>
/// The outcome of a forward pass. With gradients on, it holds on the server what a backward needs, with the variables as they
/// were: until it is differentiated without retaining, disposed, or expired.
/// </summary>
public sealed class Run : IDisposable
{
    private readonly Session _session;
    private readonly Dictionary<ulong, TensorData?> _values;
    private string _name;

    internal Run(Session session, V1.ForwardResponse response, Dictionary<ulong, TensorData?> values)
    {
        _session = session;
        _values = values;
        _name = response.Run;
        HeldBytes = response.HeldBytes;
        TraceId = response.TraceId;
        Profile = response.Profile;
    }

    /// <summary>Bytes that the server holds for it; 0 without gradients.</summary>
    public ulong HeldBytes { get; private set; }

    /// <summary>The W3C trace id of the forward request, 32 hexadecimal digits.</summary>
    public string TraceId { get; }

    /// <summary>Where the time went, when asked for.</summary>
    public V1.Profile? Profile { get; }

    /// <summary>A fetched value.</summary>
    /// <exception cref="KeyNotFoundException">It was not fetched.</exception>
    public TensorData this[Node node]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(node);
            return _values[node.Id] ?? throw Session.ContentLost();
        }
    }

    /// <summary>Differentiates a scalar of this run.</summary>
    /// <param name="loss">A scalar; one not declared as a root is recomputed from the run's inputs.</param>
    /// <param name="wrt">With respect to what. Default what the run declared.</param>
    /// <param name="mode">Where gradients go. Default they are returned.</param>
    /// <param name="retain">True: the run can be differentiated again. Default false: it is consumed.</param>
    /// <param name="fetch">Values to return in the same round trip.</param>
    /// <param name="options">Deadline, profile, checks.</param>
    /// <param name="cancellationToken">Stops waiting; what was accumulated by then stays.</param>
    /// <exception cref="GradientsClientException">RUN_RELEASED for a second backward without retain; GRADIENTS_DISABLED without gradients.</exception>
    public Task<BackwardResult> BackwardAsync(Node loss, IReadOnlyList<Node>? wrt = null, GradientMode mode = GradientMode.Return, bool retain = false, IReadOnlyList<Node>? fetch = null, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        BackwardAsync([new Root(loss)], wrt, mode, retain, fetch, options, cancellationToken);

    /// <summary>Differentiates several values of this run, summed, each with its cotangent.</summary>
    /// <param name="roots">What to differentiate.</param>
    /// <param name="wrt">With respect to what. Default what the run declared.</param>
    /// <param name="mode">Where gradients go. Default they are returned.</param>
    /// <param name="retain">True: the run can be differentiated again. Default false: it is consumed.</param>
    /// <param name="fetch">Values to return in the same round trip.</param>
    /// <param name="options">Deadline, profile, checks.</param>
    /// <param name="cancellationToken">Stops waiting; what was accumulated by then stays.</param>
    /// <exception cref="GradientsClientException">RUN_RELEASED for a second backward without retain; GRADIENTS_DISABLED without gradients.</exception>
    public async Task<BackwardResult> BackwardAsync(IReadOnlyList<Root> roots, IReadOnlyList<Node>? wrt = null, GradientMode mode = GradientMode.Return, bool retain = false, IReadOnlyList<Node>? fetch = null, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (_name.Length == 0)
            throw Errors.Local(StatusCode.FailedPrecondition, ErrorReasons.GradientsDisabled, "The forward pass kept no run: ask for it with gradients: true.");
        var result = await _session.BackwardAsync(_name, roots, wrt, null, mode, retain, fetch, options, cancellationToken).ConfigureAwait(false);
        HeldBytes = result.HeldBytes;
        return result;
    }

    /// <summary>Gives the run back with the next request.</summary>
    public void Dispose()
    {
        if (_name.Length > 0)
            _session.ReleaseRun(_name);
        _name = "";
    }
}
