using System.Text.Json;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Sessions;

/// <summary>Twenty steps in float64 against what PyTorch 1.13 gives; optimizer_reference.py wrote the numbers.</summary>
public sealed class OptimizerTests
{
    public static TheoryData<string, Optimizer> Cases => new()
    {
        { "sgd", new Sgd(0.1) },
        { "sgd-decay", new Sgd(0.1, WeightDecay: 0.05) },
        { "sgd-momentum", new Sgd(0.1, 0.9) },
        { "sgd-dampening", new Sgd(0.1, 0.9, Dampening: 0.3) },
        { "sgd-nesterov-decay", new Sgd(0.1, 0.8, Nesterov: true, WeightDecay: 0.01) },
        { "adam", new Adam(0.05) },
        { "adam-decay", new Adam(0.05, 0.8, 0.99, 1e-6, 0.1) },
        { "adamw", new Adam(0.05, WeightDecay: 0.1, Decoupled: true) },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task TheTrajectoryIsPyTorchs(string name, Optimizer optimizer)
    {
        using var stream = typeof(OptimizerTests).Assembly.GetManifestResourceStream("optimizer_reference.json")!;
        using var json = JsonDocument.Parse(stream);
        var expected = json.RootElement.GetProperty("trajectories").GetProperty(name).Deserialize<double[][]>()!;
        Assert.Equal(20, expected.Length);
        using var f = new SessionFixture();
        var w = f.Graph.Variable(DataType.Float64, 4);
        var y = f.Graph.Op("Identity", w);
        await f.SetAsync(w, Tensor.From<double>(f.Host.Pool, new Shape(4), [0.5, -1.25, 2, 0]));
        for (var step = 0; step < 20; step++)
        {
            using (var g = Tensor.From<double>(f.Host.Pool, new Shape(4), [.. Enumerable.Range(0, 4).Select(i => (((step * 7) + (i * 5)) % 16 - 7) / 8.0)]))
            using (await f.Session.BackwardAsync(new BackwardRequest { Roots = [new(y, g)], Mode = GradientMode.Accumulate }))
            {
            }

            await f.Session.ApplyGradientsAsync(new ApplyGradientsRequest { Optimizer = optimizer, ZeroGradients = true });
            using var state = await f.Session.GetVariablesAsync(new GetVariablesRequest());
            var actual = state.Variables[0].Value!.AsSpan<double>().ToArray();
            for (var i = 0; i < 4; i++)
                Assert.Equal(expected[step][i], actual[i], 1e-12);
        }

        // One plan for the gradient, one for all steps; the assignment has none.
        Assert.Equal(2, f.Host.Plans.Compilations);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void AnUpdateMayBeWrittenOverWhatItReads(string name, Optimizer optimizer)
    {
        foreach (var type in new[] { DataType.Float32, DataType.Float64 })
        {
            foreach (var shape in new[] { Shape.Scalar, new Shape(1), new Shape(30, 40), new Shape(0) })
            {
                var update = CompiledProgram.CompileUpdate(optimizer.Build, new NodeType(type, shape), optimizer.StateCount, optimizer.ScalarCount, CancellationToken.None).Forward;
                Assert.True(update.Overwritable[0].Contains(0), $"{name} {type} {shape}");
                for (var i = 0; i < optimizer.StateCount; i++)
                    Assert.True(update.Overwritable[1 + i].Contains(2 + i), $"{name} {type} {shape}");
            }
        }
    }

    [Fact]
    public void WhatIsReadAgainIsNotWrittenOver()
    {
        // The state is read once more when the parameter is written, and the parameter when the state is.
        var type = new NodeType(DataType.Float32, new Shape(1000));
        var update = CompiledProgram.CompileUpdate((parameter, gradient, state, _) => [state[0] - gradient, (parameter * state[0]).Sqrt()], type, 1, 0, CancellationToken.None).Forward;
        Assert.DoesNotContain(2, update.Overwritable[0]);
        Assert.Contains(1, update.Overwritable[0]);
        Assert.Contains(0, update.Overwritable[1]);

        // Two instructions read the parameter: one may run beside the other.
        var two = CompiledProgram.CompileUpdate((parameter, gradient, _, _) => [parameter + gradient, parameter.Sum([0], keepDims: true)], type, 0, 0, CancellationToken.None).Forward;
        Assert.DoesNotContain(0, two.Overwritable[0]);
    }

    [Fact]
    public async Task AbsentGradientsAreSkipped()
    {
        using var f = new SessionFixture();
        ulong w = f.Graph.Variable(DataType.Float32), v = f.Graph.Variable(DataType.Float32);
        await f.SetAsync((w, f.Scalar(1)), (v, f.Scalar(1)));
        using (await f.Session.BackwardAsync(new BackwardRequest { Roots = [new(w)], Mode = GradientMode.Accumulate }))
        {
        }

        var versions = await f.Session.ApplyGradientsAsync(new ApplyGradientsRequest { Optimizer = new Sgd(0.5, WeightDecay: 0.1) });
        Assert.Equal([new VariableVersion(w, 2)], versions);
        Assert.Equal<float[]>([1f], await f.ValueAsync(v));
        var error = await Assert.ThrowsAsync<GradientsException>(() => f.Session.ApplyGradientsAsync(new ApplyGradientsRequest { Optimizer = new Sgd(double.NaN) }));
        Assert.Equal(ErrorReasons.InvalidField, error.Reason);
    }
}
