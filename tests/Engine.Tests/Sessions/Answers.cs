using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Sessions;

/// <summary>A client that answers call-outs when it is told to, and notes what it was asked.</summary>
public sealed class Answers(SessionFixture fixture)
{
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _gate = Task.CompletedTask;

    /// <summary>Phases and names in the order in which they came.</summary>
    public List<(CalloutPhase Phase, string Name)> Asked { get; } = [];

    /// <summary>What is answered: one value for each that is asked for.</summary>
    public Func<Callout, Tensor?[]> Compute { get; set; } = c => Same(c);

    /// <summary>Completes with the first call-out.</summary>
    public Task First => _first.Task;

    /// <summary>Answers wait for this.</summary>
    public void HoldUntil(Task gate) => _gate = gate;

    public async Task<IReadOnlyList<Tensor?>> HandleAsync(Callout callout, CancellationToken cancellation)
    {
        using (callout)
        {
            lock (Asked)
                Asked.Add((callout.Phase, callout.Name));
            _first.TrySetResult();
            if (!_gate.IsCompleted)
                await _gate.WaitAsync(cancellation);
            return Compute(callout);
        }
    }

    /// <summary>The inputs forward, the cotangents backward.</summary>
    public static Tensor?[] Same(Callout c) => [.. (c.Phase == CalloutPhase.Forward ? c.Inputs : c.Cotangents).Select(t => t.Tensor?.Share())];

    /// <summary>x³ forward, 3x²·g backward, for one float64 input.</summary>
    public Tensor?[] Cube(Callout c)
    {
        var x = c.Inputs[0].Tensor!.AsSpan<double>().ToArray();
        var y = c.Phase == CalloutPhase.Forward ? Array.ConvertAll(x, v => v * v * v) : [.. x.Zip(c.Cotangents[0].Tensor!.AsSpan<double>().ToArray(), (v, g) => 3 * v * v * g)];
        return [Tensor.From<double>(fixture.Host.Pool, c.Inputs[0].Type.Shape, y)];
    }
}
