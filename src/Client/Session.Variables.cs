using Gradients.Client.Protocol;
using Gradients.Client.Transport;
using Gradients.Engine;

namespace Gradients.Client;

public sealed partial class Session
{
    /// <summary>Gives a variable a new value, without tracking; returns its new version.</summary>
    /// <param name="variable">The variable.</param>
    /// <param name="value">Of its type and shape; referred to until the task completes.</param>
    /// <param name="expectedVersion">The version that it must have (0: never set), else VERSION_CONFLICT. Default any.</param>
    /// <param name="cancellationToken">Stops waiting; the variable may still be set.</param>
    public async Task<ulong> SetAsync(Variable variable, TensorData value, ulong? expectedVersion = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(variable);
        ArgumentNullException.ThrowIfNull(value);
        variable.RequireUsableIn(this);
        var tensors = new RequestTensors(_limits);
        var update = new V1.VariableUpdate { Variable = variable.Id, Tensor = tensors.Add(RequestTensors.Fit(value, variable)) };
        if (expectedVersion is { } version)
            update.ExpectedVersion = version;
        var versions = await UpdateAsync(tensors, [], [update], cancellationToken).ConfigureAwait(false);
        return versions[0];
    }

    /// <summary>Computes a value of the graph and makes it the variable's, without tracking; returns the new version. The elements do not leave the server.</summary>
    /// <param name="variable">The variable.</param>
    /// <param name="value">Of its type and shape; it may depend on the variable itself.</param>
    /// <param name="feeds">Values of the inputs that it depends on.</param>
    /// <param name="cancellationToken">Stops waiting; the variable may still be set.</param>
    public async Task<ulong> AssignAsync(Variable variable, Node value, Feeds? feeds = null, CancellationToken cancellationToken = default) =>
        (await AssignAsync([(variable, value)], feeds, cancellationToken).ConfigureAwait(false))[0];

    /// <summary>Computes values, all before any is assigned, and assigns them: all or none. Returns the new versions.</summary>
    public Task<ulong[]> AssignAsync(IReadOnlyList<(Variable Variable, Node Value)> assignments, Feeds? feeds = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(assignments);
        var tensors = new RequestTensors(_limits);
        V1.Feed[] fed = [.. tensors.Add(feeds, this)];
        var updates = new List<V1.VariableUpdate>();
        foreach (var (variable, value) in assignments)
        {
            variable.RequireUsableIn(this);
            value.RequireUsableIn(this);
            updates.Add(new V1.VariableUpdate { Variable = variable.Id, Value = value.Id });
        }

        return UpdateAsync(tensors, fed, updates, cancellationToken);
    }

    /// <summary>The value of a variable.</summary>
    /// <exception cref="GradientsClientException">VARIABLE_NOT_SET.</exception>
    public async Task<TensorData> GetAsync(Variable variable, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(variable);
        if (variable.ByteCount > _limits.InlineBytes)
            return await ValueAsync(variable, null, null, cancellationToken).ConfigureAwait(false);
        var state = await ReadVariableAsync(variable, V1.VariableContent.Value, cancellationToken).ConfigureAwait(false);
        return state.Value.ToData();
    }

    /// <summary>The accumulated gradient of a variable; null when it is absent, which is not zero.</summary>
    public async Task<TensorData?> GetGradientAsync(Variable variable, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(variable);
        if (variable.ByteCount <= _limits.InlineBytes)
            return (await ReadVariableAsync(variable, V1.VariableContent.Gradient, cancellationToken).ConfigureAwait(false)).Gradient?.ToData();
        try
        {
            // The download does not pass through the session's queue: what was asked before must be done.
            await FlushAsync(cancellationToken).ConfigureAwait(false);
            return await _transfer.DownloadAsync(new V1.DownloadTensorRequest { Gradient = variable.Id }, cancellationToken).ConfigureAwait(false);
        }
        catch (GradientsClientException e) when (e.Reason == ErrorReasons.GradientAbsent)
        {
            return null;
        }
    }

    /// <summary>Makes accumulated gradients absent again.</summary>
    /// <param name="variables">Default all of the session.</param>
    /// <param name="keepZeros">True: those that are present become zeros instead. Default false.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public Task ZeroGradientsAsync(IReadOnlyList<Variable>? variables = null, bool keepZeros = false, CancellationToken cancellationToken = default) =>
        SendAsync(new V1.SessionCommand { ZeroGradients = new V1.ZeroGradientsRequest { Variables = { Ids(variables) }, KeepZeros = keepZeros } }, true, true, null, null, cancellationToken);

    /// <summary>One optimizer step on accumulated gradients; variables whose gradient is absent are skipped. All or nothing.</summary>
    /// <param name="optimizer">The optimizer; its state lives with the variables.</param>
    /// <param name="variables">Default all with a gradient.</param>
    /// <param name="zeroGradients">True: the gradients are absent afterwards. Default false.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public Task ApplyGradientsAsync(Optimizer optimizer, IReadOnlyList<Variable>? variables = null, bool zeroGradients = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        var request = new V1.ApplyGradientsRequest { Optimizer = optimizer.ToMessage(), Variables = { Ids(variables) }, ZeroGradients = zeroGradients };
        return SendAsync(new V1.SessionCommand { ApplyGradients = request }, true, true, null, null, cancellationToken);
    }

    /// <summary>Releases nodes now; returns the bytes that the session holds afterwards.</summary>
    public Task<ulong> ReleaseAsync(IReadOnlyList<Node> nodes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        Release([.. nodes]);
        return FlushAsync(cancellationToken);
    }

    /// <summary>Sends what is pending (definitions, initial values, releases) and waits for it; returns the bytes that the session holds.</summary>
    public async Task<ulong> FlushAsync(CancellationToken cancellationToken = default)
    {
        var result = await SendAsync(new V1.SessionCommand { ReleaseResources = new V1.ReleaseResourcesRequest() }, false, false, null, null, cancellationToken).ConfigureAwait(false);
        return result.ReleaseResources.HeldBytes;
    }

    /// <summary>Stores a tensor in the session, in chunks, to be fed any number of times. The elements are referred to until the task completes.</summary>
    public async Task<TensorHandle> UploadAsync(TensorData data, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        var handle = await _transfer.UploadAsync(data, cancellationToken).ConfigureAwait(false);
        return new TensorHandle(this, handle, data.DataType, data.Shape);
    }

    /// <summary>Computes a value that stays in the session, to be fed or downloaded later.</summary>
    public async Task<TensorHandle> KeepAsync(Node node, Feeds? feeds = null, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        var tensors = new RequestTensors(_limits);
        var request = new V1.ForwardRequest { Feeds = { tensors.Add(feeds, this) }, Fetches = { Fetches([node], true) }, CheckFinite = options?.CheckFinite ?? false };
        try
        {
            var result = await SendAsync(new V1.SessionCommand { Forward = request }, false, true, tensors, options?.Timeout, cancellationToken).ConfigureAwait(false);
            var tensor = result.Forward.Values[0].Tensor;
            return tensor.Handle.Length == 0 ? throw ContentLost() : new TensorHandle(this, tensor.Handle, (Engine.Tensors.DataType)tensor.DataType, tensor.ToShape());
        }
        finally
        {
            Release(tensors);
        }
    }

    internal Task<TensorData> DownloadAsync(TensorHandle handle, CancellationToken cancellationToken) =>
        _transfer.DownloadAsync(new V1.DownloadTensorRequest { Handle = handle.Name }, cancellationToken);

    private async Task<V1.VariableState> ReadVariableAsync(Variable variable, V1.VariableContent content, CancellationToken cancellationToken)
    {
        variable.RequireUsableIn(this);
        var request = new V1.GetVariablesRequest { Variables = { variable.Id }, Contents = { content } };
        return (await SendAsync(new V1.SessionCommand { GetVariables = request }, false, false, null, null, cancellationToken).ConfigureAwait(false)).GetVariables.Variables[0];
    }

    private async Task<ulong[]> UpdateAsync(RequestTensors tensors, V1.Feed[] feeds, IEnumerable<V1.VariableUpdate> updates, CancellationToken cancellationToken)
    {
        try
        {
            var request = new V1.SetVariablesRequest { Updates = { updates }, Feeds = { feeds } };
            var result = await SendAsync(new V1.SessionCommand { SetVariables = request }, true, true, tensors, null, cancellationToken).ConfigureAwait(false);
            return [.. result.SetVariables.Versions.Select(v => v.Version)];
        }
        finally
        {
            Release(tensors);
        }
    }
}
