namespace Gradients.Engine.Execution;

/// <summary>Executions of one plan that are ready for another run.</summary>
internal sealed class ExecutionStack
{
    private const int Kept = 8;

    private readonly Lock _gate = new();
    private readonly Stack<PlanExecution> _ready = new(Kept);
    private PlanExecution? _first;

    public PlanExecution? Take()
    {
        if (Interlocked.Exchange(ref _first, null) is { } first)
            return first;
        lock (_gate)
            return _ready.TryPop(out var execution) ? execution : null;
    }

    public void Put(PlanExecution execution)
    {
        if (Interlocked.CompareExchange(ref _first, execution, null) is null)
            return;
        lock (_gate)
        {
            if (_ready.Count < Kept)
                _ready.Push(execution);
        }
    }
}
