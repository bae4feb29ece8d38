using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.Engine.Tests.Sessions;

public sealed class RunLifetimeTests
{
    [Fact]
    public async Task UnusedRunsExpireAndUsedOnesStay()
    {
        var time = new ManualTime();
        using var f = new SessionFixture(new EngineOptions { Time = time }, new SessionLimits { RunLifetime = TimeSpan.FromMinutes(1) });
        var x = f.Graph.Variable(DataType.Float32, 2);
        var root = f.Graph.Add("ReduceSum", Attributes.Of(("keepdims", 0L)), f.Graph.Op("Exp", x));
        await f.SetAsync(x, f.Tensor(1, 2));
        using var unused = await f.Session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [root] });
        using var used = await f.Session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [root] });
        time.Advance(TimeSpan.FromSeconds(40));
        using (await f.Session.BackwardAsync(new BackwardRequest { Run = used.Run, Roots = [new(root)], Retain = true }))
            Assert.Equal(2, f.Session.RunCount);

        time.Advance(TimeSpan.FromSeconds(40));
        await f.Session.SweepAsync();
        Assert.Equal(1, f.Session.RunCount);
        var gone = await Assert.ThrowsAsync<GradientsException>(() => f.Session.BackwardAsync(new BackwardRequest { Run = unused.Run, Roots = [new(root)] }));
        Assert.Equal(ErrorReasons.RunReleased, gone.Reason);
        using var again = await f.Session.BackwardAsync(new BackwardRequest { Run = used.Run, Roots = [new(root)] });
        Assert.Equal(MathF.Exp(2), again.Gradients[0].Tensor!.AsSpan<float>()[1], 1e-5f);
    }
}
