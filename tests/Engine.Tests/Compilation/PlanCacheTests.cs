using Gradients.Engine.Compilation;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Compilation;

public sealed class PlanCacheTests
{
    [Fact]
    public void TheKeyIsTheStructureAndNotIdsLabelsOrOrderOfDefinition()
    {
        var key = Key(1, (b, x, y) => b.Op("Add", b.Op("Exp", x), b.Op("Mul", x, y)));
        Assert.Equal(key, Key(5000, (b, x, y) =>
        {
            b.Op("Tanh", x);
            var product = b.Add("Mul", Attributes.None, x, y);
            b.Specs[^1] = b.Specs[^1] with { Label = "product" };
            return b.Op("Add", b.Op("Exp", x), product);
        }));
        Assert.NotEqual(key, Key(1, (b, x, y) => b.Op("Add", b.Op("Exp", x), b.Op("Mul", y, x))));
        Assert.NotEqual(key, Key(1, (b, x, y) => b.Op("Add", b.Op("Exp", x), b.Op("Mul", x, x))));
        Assert.NotEqual(key, Key(1, (b, x, y) => b.Op("Add", b.Op("Exp", y), b.Op("Mul", x, y))));
        Assert.NotEqual(key, Key(1, (b, x, y) => b.Op("Add", b.Op("Tanh", x), b.Op("Mul", x, y))));
        Assert.NotEqual(key, Key(1, (b, x, y) => b.Op("Add", b.Op("Exp", x), b.Op("Mul", x, y)), rows: 4));
    }

    [Fact]
    public void TheKeyHoldsAttributesConstantsAndEverythingAskedFor()
    {
        var keys = new List<byte[]>();
        using (var r = new ProgramRunner())
        {
            var x = r.Feed(1, 2);
            var sum = r.Specs.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), x);
            var kept = r.Specs.Add("ReduceSum", Attributes.Of(("keepdims", 1L)), x);
            var two = r.Specs.Op("Mul", x, r.Specs.Constant(Shape.Scalar, 2.0));
            var three = r.Specs.Op("Mul", x, r.Specs.Constant(Shape.Scalar, 3.0));
            var floats = r.Specs.Op("Mul", x, r.Specs.Constant(Shape.Scalar, 2f));
            var zero = r.Specs.Op("Mul", x, r.Specs.Constant(Shape.Scalar, 0.0));
            var minusZero = r.Specs.Op("Mul", x, r.Specs.Constant(Shape.Scalar, -0.0));
            ulong[][] fetches = [[], [sum], [kept], [two], [three], [floats], [zero], [minusZero], [two, three], [three, two]];
            keys.AddRange(fetches.Select(f => r.Key(r.Request(f))));
            keys.Add(r.Key(r.Request([two], [sum])));
            keys.Add(r.Key(r.Request([two], [sum], cotangents: true)));
            keys.Add(r.Key(r.Request([two], [sum], [x])));
            keys.Add(r.Key(r.Request([two], [sum], [sum])));
            var split = r.Request([two], [sum], [x]);
            split.Split = true;
            keys.Add(r.Key(split));
            split.Fusion = false;
            keys.Add(r.Key(split));
        }

        Assert.Equal(keys.Count, keys.Select(Convert.ToHexString).Distinct().Count());
    }

    [Fact]
    public void FunctionsCountByContentAndNotByName()
    {
        byte[] Key(string name, string op, string? gradient = null)
        {
            using var r = new ProgramRunner();
            r.Functions.Add(new("g", [1], [], [1]));
            r.Functions.Add(new("h", [1], [new(2, "Neg", [1], Attributes.None)], [2]));
            r.Functions.Add(new(name, [7], [new(9, op, [7], Attributes.None)], [9], gradient, []));
            return r.Key(r.Request([r.Specs.Op(name, r.Feed(1, 2))]));
        }

        Assert.Equal(Key("a", "Exp"), Key("b", "Exp"));
        Assert.NotEqual(Key("a", "Exp"), Key("a", "Tanh"));
        Assert.NotEqual(Key("a", "Exp"), Key("a", "Exp", "g"));
        Assert.NotEqual(Key("a", "Exp", "g"), Key("a", "Exp", "h"));
    }

    [Fact]
    public void ConcurrentRequestsCompileOnce()
    {
        var cache = new PlanCache();
        using var runner = new ProgramRunner();
        var program = Program(runner);
        using var compiling = new ManualResetEventSlim();
        using var finish = new ManualResetEventSlim();
        var got = new CompiledProgram[4];
        var threads = Enumerable.Range(0, 4).Select(i => new Thread(() => got[i] = cache.Get([1, 2], () =>
        {
            compiling.Set();
            finish.Wait();
            return program;
        }, out _))).ToList();
        threads.ForEach(t => t.Start());
        compiling.Wait();

        // Another key does not wait for it.
        cache.Get([3], () => program, out var hit);
        Assert.False(hit);
        finish.Set();
        threads.ForEach(t => t.Join());
        Assert.All(got, p => Assert.Same(program, p));
        Assert.Equal((2, 3), (cache.Compilations, cache.Hits));
    }

    [Fact]
    public void TheLeastRecentlyUsedIsEvictedByBytes()
    {
        using var runner = new ProgramRunner();
        var program = Program(runner);
        var cache = new PlanCache(capacityBytes: (3 * program.Footprint) + 10);
        bool Hit(byte key)
        {
            cache.Get([key], () => program, out var hit);
            return hit;
        }

        Assert.False(Hit(1) || Hit(2) || Hit(3));
        Assert.True(Hit(1));
        Assert.False(Hit(4));
        Assert.Equal(3, cache.Count);
        Assert.True(Hit(1) && Hit(3) && Hit(4));
        Assert.False(Hit(2));
        Assert.Equal(5, cache.Compilations);
    }

    [Fact]
    public void AScopeHasItsOwnPrograms()
    {
        var cache = new PlanCache();
        using var runner = new ProgramRunner();
        var program = Program(runner);
        cache.Get([1], () => program, out var hit, "a");
        Assert.False(hit);
        cache.Get([1], () => program, out hit, "b");
        Assert.False(hit);
        cache.Get([1], () => program, out hit, "a");
        Assert.True(hit);
        Assert.Equal((2, 2), (cache.Compilations, cache.Count));
    }

    /// <summary>Of a capacity for 8 programs and two scopes, one that holds 4 keeps them whatever the other compiles.</summary>
    [Fact]
    public void AScopeWithinItsEqualPartLosesNothingToAnother()
    {
        using var runner = new ProgramRunner();
        var program = Program(runner);
        var cache = new PlanCache(capacityBytes: (8 * program.Footprint) + 100);
        for (byte key = 0; key < 4; key++)
            cache.Get([key], () => program, out _, "a");
        for (byte key = 0; key < 200; key++)
            cache.Get([key], () => program, out _, "b");
        for (byte key = 0; key < 4; key++)
        {
            cache.Get([key], () => program, out var hit, "a");
            Assert.True(hit);
        }

        Assert.Equal(8, cache.Count);
        Assert.Equal(204, cache.Compilations);
    }

    [Fact]
    public void AFailingCompilationIsNotKept()
    {
        var cache = new PlanCache();
        using var runner = new ProgramRunner();
        for (var i = 0; i < 2; i++)
            Assert.Throws<OperationCanceledException>(() => cache.Get([1], () => throw new OperationCanceledException(), out _));
        Assert.Equal((0, 2), (cache.Count, cache.Compilations));
        var program = Program(runner);
        Assert.Same(program, cache.Get([1], () => program, out _));
        Assert.Same(program, cache.Get([1], () => throw new InvalidOperationException(), out var hit));
        Assert.True(hit);
    }

    private static CompiledProgram Program(ProgramRunner runner) => runner.Compile(runner.Request([runner.Specs.Op("Exp", runner.Feed(1, 2))]));

    private static byte[] Key(ulong firstId, Func<Definitions, ulong, ulong, ulong> build, long rows = 2)
    {
        using var runner = new ProgramRunner();
        var b = new Definitions(runner, firstId);
        var shape = new Shape(rows, 3);
        var x = b.Input(shape);
        var y = b.Input(shape);
        return runner.Key(runner.Request([build(b, x, y)]));
    }

    /// <summary>Definitions whose ids go up in steps of 7.</summary>
    private sealed class Definitions(ProgramRunner runner, ulong next)
    {
        public List<NodeSpec> Specs => runner.Specs.Nodes;

        public ulong Input(Shape shape)
        {
            var id = Add("Input", Attributes.Of(("type", TensorType.Of(DataType.Float64, shape))));
            runner.Feeds[id] = ConstantData.Of<double>(shape, new double[shape.ElementCount]);
            return id;
        }

        public ulong Op(string op, params ulong[] inputs) => Add(op, Attributes.None, inputs);

        public ulong Add(string op, Attributes attributes, params ulong[] inputs)
        {
            var id = next;
            next += 7;
            Specs.Add(new NodeSpec(id, op, inputs, attributes));
            return id;
        }
    }
}
