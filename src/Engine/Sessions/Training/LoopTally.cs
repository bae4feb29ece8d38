using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;

namespace Gradients.Engine.Sessions.Training;

/// <summary>What a loop has computed, counted in plain numbers and told to the metrics now and then.</summary>
internal sealed class LoopTally(EngineMetrics metrics)
{
    private readonly long[] _executions = new long[3];
    private readonly double[] _flops = new double[3];
    private long _steps;

    /// <summary>Floating-point operations since the loop began.</summary>
    public double Flops { get; private set; }

    /// <summary>Bytes read and written since the loop began.</summary>
    public long Bytes { get; private set; }

    public void Computed(Plan plan)
    {
        if (plan.ForwardInstructions > 0)
            Add(ComputePhase.Forward, plan.ForwardFlops);
        if (plan.ForwardInstructions < plan.Instructions.Count)
            Add(ComputePhase.Backward, plan.Flops - plan.ForwardFlops);
        Bytes += plan.Bytes;
    }

    public void Updated(Plan plan)
    {
        _flops[(int)ComputePhase.Optimizer] += plan.Flops;
        Flops += plan.Flops;
        Bytes += plan.Bytes;
    }

    public void Stepped()
    {
        _executions[(int)ComputePhase.Optimizer]++;
        _steps++;
    }

    public void Flush()
    {
        for (var phase = ComputePhase.Forward; phase <= ComputePhase.Optimizer; phase++)
        {
            if (_executions[(int)phase] > 0)
                metrics.Executed(phase, _flops[(int)phase], _executions[(int)phase]);
        }

        metrics.Trained(_steps);
        Array.Clear(_executions);
        Array.Clear(_flops);
        _steps = 0;
    }

    private void Add(ComputePhase phase, double flops)
    {
        _executions[(int)phase]++;
        _flops[(int)phase] += flops;
        Flops += flops;
    }
}
