using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Steps;

/// <summary>
/// The Adam update of every parameter through the executor alone, from the same gradient and state, so that every repetition
/// computes the same. The outputs go back to the pool unread.
/// </summary>
internal sealed class ExecutorAdamStep : IDisposable
{
    private readonly EngineHost _host = new(new EngineOptions { Scheduler = new SchedulerOptions { Threads = 1 } });
    private readonly Tensor[] _scalars;
    private readonly List<(Plan Plan, Tensor[] Inputs)> _updates = [];

    public ExecutorAdamStep(Func<BufferPool, Network> create)
    {
        Network = create(_host.Pool);
        var adam = new Adam();
        var scalars = new double[adam.ScalarCount];
        adam.Scalars(1, scalars);
        _scalars = Array.ConvertAll(scalars, s => Tensor.From<float>(_host.Pool, Shape.Scalar, [(float)s]));
        foreach (var id in Network.Parameters)
        {
            var value = Network.Values[id];
            var program = CompiledProgram.CompileUpdate(adam.Build, new NodeType(value.DataType, value.Shape), adam.StateCount, _scalars.Length, CancellationToken.None);
            _updates.Add((program.Forward, [value.Share(), Copy(value), .. Enumerable.Range(0, adam.StateCount).Select(_ => Copy(value)), .. _scalars.Select(s => s.Share())]));
        }
    }

    public Network Network { get; }

    public double Flops => _updates.Sum(u => u.Plan.Flops);

    public void Run(int count)
    {
        for (var i = 0; i < count; i++)
        {
            foreach (var (plan, inputs) in _updates)
            {
                using var execution = PlanExecution.Rent(plan, _host.Pool);
                for (var slot = 0; slot < inputs.Length; slot++)
                    execution.Bind(slot, inputs[slot]);
                execution.Run();
            }
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _updates.SelectMany(u => u.Inputs).Concat(_scalars))
            tensor.Dispose();
        Network.Dispose();
        _host.Dispose();
    }

    /// <summary>Of the parameter's elements, which stand for gradient and state: the time depends on where they lie, not on what they are.</summary>
    private Tensor Copy(Tensor value) => Tensor.FromBytes(_host.Pool, value.DataType, value.Shape, value.AsBytes());
}
