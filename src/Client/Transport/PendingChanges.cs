namespace Gradients.Client.Transport;

/// <summary>What was defined, initialized and released since the last request: sent ahead of the next one.</summary>
internal sealed class PendingChanges
{
    private const int MaxDefinitionBytes = 1 << 20;

    private readonly List<(V1.Tensor Message, TensorData Data)> _large = [];
    private readonly List<string> _uploaded = [];

    public List<V1.Function> Functions { get; } = [];

    public Dictionary<ulong, V1.Node> Nodes { get; } = [];

    public List<V1.VariableUpdate> Updates { get; } = [];

    public List<ulong> ReleasedNodes { get; } = [];

    public List<string> ReleasedRuns { get; } = [];

    public List<string> ReleasedHandles { get; } = [];

    /// <summary>Nothing is left to upload.</summary>
    public bool IsReady => _large.Count == 0;

    /// <summary>A tensor of the definitions that is too large for a message.</summary>
    public void AddLarge(V1.Tensor message, TensorData data) => _large.Add((message, data));

    /// <summary>Uploads what is too large, so that definitions name it by handle.</summary>
    public async Task UploadAsync(TensorTransfer transfer, CancellationToken cancellationToken)
    {
        while (_large.Count > 0)
        {
            var (message, data) = _large[^1];
            message.Handle = await transfer.UploadAsync(data, cancellationToken).ConfigureAwait(false);
            _uploaded.Add(message.Handle);
            _large.RemoveAt(_large.Count - 1);
        }
    }

    /// <summary>Puts what came later behind this.</summary>
    public PendingChanges Then(PendingChanges later)
    {
        _large.AddRange(later._large);
        _uploaded.AddRange(later._uploaded);
        Functions.AddRange(later.Functions);
        foreach (var (id, node) in later.Nodes)
            Nodes.Add(id, node);
        Updates.AddRange(later.Updates);
        ReleasedNodes.AddRange(later.ReleasedNodes);
        ReleasedRuns.AddRange(later.ReleasedRuns);
        ReleasedHandles.AddRange(later.ReleasedHandles);
        return this;
    }

    /// <summary>The commands in order, each small enough for a message: definitions, initial values, releases.</summary>
    public IEnumerable<V1.SessionCommand> ToCommands(TransferLimits limits)
    {
        var define = new V1.DefineNodesRequest();
        var bytes = 0;
        foreach (var item in Functions.Cast<Google.Protobuf.IMessage>().Concat(Nodes.Values))
        {
            var size = item.CalculateSize();
            if (define.Functions.Count + define.Nodes.Count > 0 && (bytes + size > MaxDefinitionBytes || define.Nodes.Count >= limits.NodesPerRequest))
            {
                yield return new V1.SessionCommand { DefineNodes = define };
                (define, bytes) = (new V1.DefineNodesRequest(), 0);
            }

            bytes += size;
            if (item is V1.Function function)
                define.Functions.Add(function);
            else
                define.Nodes.Add((V1.Node)item);
        }

        if (define.Functions.Count + define.Nodes.Count > 0)
            yield return new V1.SessionCommand { DefineNodes = define };

        var set = new V1.SetVariablesRequest();
        bytes = 0;
        foreach (var update in Updates)
        {
            var size = update.CalculateSize();
            if (set.Updates.Count > 0 && bytes + size > MaxDefinitionBytes)
            {
                yield return new V1.SessionCommand { SetVariables = set };
                (set, bytes) = (new V1.SetVariablesRequest(), 0);
            }

            bytes += size;
            set.Updates.Add(update);
        }

        if (set.Updates.Count > 0)
            yield return new V1.SessionCommand { SetVariables = set };

        if (ReleasedNodes.Count + ReleasedRuns.Count + ReleasedHandles.Count + _uploaded.Count > 0)
        {
            yield return new V1.SessionCommand
            {
                ReleaseResources = new V1.ReleaseResourcesRequest { Nodes = { ReleasedNodes }, Runs = { ReleasedRuns }, Handles = { ReleasedHandles.Concat(_uploaded) } },
            };
        }
    }
}
