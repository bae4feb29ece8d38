using Gradients.Engine.Execution;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Sessions;

/// <summary>An engine whose returned buffers are filled with NaN, and a session. Disposing demands an empty ledger.</summary>
public sealed class SessionFixture : IDisposable
{
    public SessionFixture(EngineOptions? options = null, SessionLimits? limits = null)
    {
        options ??= new EngineOptions { Scheduler = new SchedulerOptions { Threads = 2 } };
        Host = new EngineHost(options with { Pool = options.Pool with { PoisonReturned = true } });
        Session = new GraphSession(Host, limits);
    }

    public EngineHost Host { get; }

    public GraphSession Session { get; }

    public GraphSpecs Graph { get; } = new();

    public Tensor Tensor(params float[] values) => Engine.Tensors.Tensor.From<float>(Host.Pool, new Shape(values.Length), values);

    public Tensor Scalar(float value) => Engine.Tensors.Tensor.From<float>(Host.Pool, Shape.Scalar, [value]);

    public Task SetAsync(ulong variable, Tensor value) => SetAsync((variable, value));

    public async Task SetAsync(params (ulong Variable, Tensor Value)[] values)
    {
        await Session.SetVariablesAsync(new SetVariablesRequest { Nodes = Graph.Take(), Updates = [.. values.Select(v => new VariableUpdate(v.Variable, v.Value))] });
        foreach (var (_, value) in values)
            value.Dispose();
    }

    public async Task<float[]> ValueAsync(ulong variable)
    {
        using var result = await Session.GetVariablesAsync(new GetVariablesRequest { Variables = [variable] });
        return result.Variables[0].Value!.AsSpan<float>().ToArray();
    }

    /// <summary>The accumulated gradient, or null when absent.</summary>
    public async Task<float[]?> GradientAsync(ulong variable)
    {
        using var result = await Session.GetVariablesAsync(new GetVariablesRequest { Variables = [variable] });
        return result.Variables[0].Gradient?.AsSpan<float>().ToArray();
    }

    public void Dispose()
    {
        Session.Dispose();

        // A session that was just answering is closed by its compute thread.
        Host.Scheduler.Dispose();
        Assert.Empty(Host.Pool.Ledger());
        Host.Dispose();
    }
}
