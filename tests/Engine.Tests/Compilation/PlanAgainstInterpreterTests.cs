using CsCheck;
using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

public sealed class PlanAgainstInterpreterTests
{
    /// <summary>Forward values and gradients, joint and split, fused and not, beside their inputs and over them: the same bits as node by node.</summary>
    [Fact]
    public void GraphsOfAFixedSeedGiveTheBitsOfTheInterpreter()
    {
        var (alone, fused, overwritten) = (0, 0, 0);
        for (uint i = 0; i < 200; i++)
        {
            var counts = Check(RandomGraphs.Steps.Generate(new PCG(i, 12345), null, out _));
            (alone, fused, overwritten) = (alone + counts.Alone, fused + counts.Fused, overwritten + counts.Overwritten);
        }

        // The graphs are not trivial, and fusion does something.
        Assert.True(alone > 200 * 20, $"{alone} instructions");
        Assert.True(fused < 0.8 * alone, $"{fused} fused, {alone} alone");
        Assert.True(overwritten > 200, $"{overwritten} outputs written over inputs");
    }

    [Fact]
    public void RandomGraphsGiveTheBitsOfTheInterpreter() => RandomGraphs.Steps.Sample(steps => { Check(steps); }, iter: 100, threads: 1);

    /// <returns>Instructions of the forward plans without and with fusion, and outputs that were written over inputs.</returns>
    private static (int Alone, int Fused, int Overwritten) Check(Step[] steps)
    {
        var (alone, fused) = (0, 0);
        using var runner = new ProgramRunner();
        var graph = new RandomGraphs(runner, steps);
        ulong[] fetches = [graph.Values[^1], graph.Values[graph.Values.Count / 2], graph.Values[^1], graph.Inputs[0]];
        ulong[] roots = [graph.Values[^1], graph.Values[^((graph.Values.Count / 3) + 1)]];
        var cotangents = Array.ConvertAll(roots, r => Cotangent(graph.Type, graph.ShapeOf(r)));
        var request = runner.Request(fetches, roots, [.. graph.Inputs, graph.Values[graph.Values.Count / 2]], cotangents: true);
        var expected = runner.Interpret(request, cotangents);
        foreach (var (split, fusion) in new[] { (false, true), (false, false), (true, true), (true, false) })
        {
            (request.Split, request.Fusion) = (split, fusion);
            var program = runner.Compile(request);
            AssertSameBits(expected, runner.Run(request, program, cotangents));
            runner.Overwrites = true;
            AssertSameBits(expected, runner.Run(request, program, cotangents));
            runner.Overwrites = false;
            AssertArena(program.Forward);
            if (program.Backward is not null)
                AssertArena(program.Backward);
            var count = program.Forward.Instructions.Count;
            (alone, fused) = fusion ? (alone, fused + count) : (alone + count, fused);
        }

        return (alone, fused, runner.OverwrittenCount);
    }

    private static ConstantData Cotangent(DataType type, Shape shape)
    {
        var elements = Enumerable.Range(0, (int)shape.ElementCount).Select(i => ((i * 37 % 101) - 50) / 16.0).ToArray();
        return type == DataType.Float64 ? ConstantData.Of<double>(shape, elements) : ConstantData.Of<float>(shape, Array.ConvertAll(elements, e => (float)e));
    }

    private static void AssertSameBits(ConstantData?[] expected, ConstantData?[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal((expected[i]?.DataType, expected[i]?.Shape), (actual[i]?.DataType, actual[i]?.Shape));
            if (expected[i] is { } e)
                Assert.True(e.Bytes.SequenceEqual(actual[i]!.Bytes), $"Output {i} differs.");
        }
    }

    /// <summary>
    /// Replays the plan: what is live together, workspaces included, does not overlap and lies within the arena. A chain may
    /// write exactly over one value that it reads last.
    /// </summary>
    private static void AssertArena(Plan plan)
    {
        Assert.True(plan.ArenaBytes >= plan.PeakLiveBytes);
        var bytesOf = new Dictionary<int, long>();
        var born = new Dictionary<int, int>();
        var last = new Dictionary<int, int>();
        for (var i = 0; i < plan.Instructions.Count; i++)
        {
            var instruction = plan.Instructions[i];
            foreach (var input in instruction.Inputs)
                last[input.Storage] = i;
            for (var o = 0; o < instruction.Outputs.Length; o++)
            {
                var storage = instruction.Outputs[o].Storage;
                Assert.True(born.TryAdd(storage, i), "A storage is written by two instructions.");
                last[storage] = i;
                bytesOf[storage] = instruction.OutputTypes[o].Count * instruction.OutputTypes[o].Type.Size();
            }
        }

        for (var i = 0; i < plan.Instructions.Count; i++)
        {
            var storages = born.Keys.Where(s => plan.Storages[s].Kind == StorageKind.Arena && born[s] <= i && last[s] >= i).ToList();
            if (plan.Instructions[i].Kernel is FusedKernel)
            {
                var written = storages.Where(s => born[s] == i).ToList();
                storages.RemoveAll(s => born[s] < i && last[s] == i && written.Exists(w => plan.Storages[w].Offset == plan.Storages[s].Offset && bytesOf[w] == bytesOf[s]));
            }

            var live = storages.Select(s => (plan.Storages[s].Offset, Bytes: bytesOf[s])).ToList();
            if (plan.Instructions[i].Kernel.WorkspaceBytes > 0)
                live.Add((plan.Instructions[i].WorkspaceOffset, plan.Instructions[i].Kernel.WorkspaceBytes));
            if (plan.Instructions[i].Kernel.SharedBytes > 0)
                live.Add((plan.Instructions[i].SharedOffset, plan.Instructions[i].Kernel.SharedBytes));
            live.Sort();
            for (var j = 0; j < live.Count; j++)
            {
                Assert.Equal(0, live[j].Offset % 64);
                Assert.True(live[j].Offset + live[j].Bytes <= (j + 1 < live.Count ? live[j + 1].Offset : plan.ArenaBytes), "Live temporaries overlap.");
            }
        }
    }
}
