using Gradients.Engine.Compilation;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Execution;

/// <summary>The sum of a parameter and its gradient, run with a time slice that is over before it begins.</summary>
public sealed class ParkingTests : IDisposable
{
    private const long Over = 0;

    private readonly BufferPool _pool = new(new BufferPoolOptions { PoisonReturned = true });

    public void Dispose()
    {
        Assert.Empty(_pool.Ledger());
        _pool.Dispose();
    }

    [Fact]
    public void LongWorkParksAndResumes()
    {
        const int Count = 1_000_000;
        Assert.True(CountParks(Count) > 10);
    }

    [Fact]
    public void ShortWorkIsDoneWithoutReadingTheClock() => Assert.Equal(0, CountParks(5));

    private int CountParks(int count)
    {
        var shape = new Shape(count);
        var plan = CompiledProgram.CompileUpdate((a, b, _, _) => [a + b], new NodeType(DataType.Float32, shape), 0, 0, CancellationToken.None).Forward;
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = i;
        using var input = Tensor.From<float>(_pool, shape, values);
        using var execution = PlanExecution.Rent(plan, _pool);
        execution.Bind(0, input);
        execution.Bind(1, input);
        var parks = 0;
        while (execution.Run(Over) == ExecutionStatus.Parked)
            parks++;
        using var output = execution.TakeTensor(0);
        Assert.All(output.AsSpan<float>().ToArray().Index(), e => Assert.Equal(2f * e.Index, e.Item));
        return parks;
    }
}
