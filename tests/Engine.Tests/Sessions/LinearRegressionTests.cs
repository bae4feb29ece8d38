using Gradients.Engine.Graph;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Sessions;

/// <summary>loss = mean((w·x + b − y)²) at x = [1, 2, 3], y = [6, 9, 12], w = 2, b = 1, whose numbers are known by hand.</summary>
public sealed class LinearRegressionTests : IDisposable
{
    private readonly SessionFixture _f = new();
    private readonly ulong _x, _w, _b, _loss;

    public LinearRegressionTests()
    {
        var g = _f.Graph;
        _x = g.Variable(DataType.Float32, 3);
        _w = g.Variable(DataType.Float32);
        _b = g.Variable(DataType.Float32);
        var y = g.Constant<float>(new Shape(3), 6, 9, 12);
        var error = g.Op("Sub", g.Op("Add", g.Op("Mul", _w, _x), _b), y);
        _loss = g.Add("ReduceMean", Attributes.Of(("keepdims", 0L)), g.Op("Mul", error, error));
    }

    public void Dispose() => _f.Dispose();

    [Fact]
    public async Task JointPassGivesLossAndGradients()
    {
        await SetUpAsync();
        using var result = await _f.Session.BackwardAsync(new BackwardRequest { Roots = [new(_loss)], Fetches = [_loss], Profile = true });
        Assert.Equal(16.666668f, result.Values[0].AsSpan<float>()[0], 1e-5f);
        AssertGradients(result);
        Assert.NotNull(result.Profile);
        Assert.All(result.Profile.Instructions, i => Assert.All(i.Nodes, n => Assert.NotEqual(0ul, n.Id)));
    }

    [Fact]
    public async Task RunGivesTheSameGradientsFromItsResiduals()
    {
        await SetUpAsync();
        using var forward = await _f.Session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [_loss], Fetches = [_loss] });
        using var backward = await _f.Session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(_loss)] });
        AssertGradients(backward);
        var again = await Assert.ThrowsAsync<GradientsException>(() => _f.Session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(_loss)] }));
        Assert.Equal(ErrorReasons.RunReleased, again.Reason);
    }

    [Fact]
    public async Task BackwardSeesWhatItsForwardSaw()
    {
        await SetUpAsync();
        using var forward = await _f.Session.ForwardAsync(new ForwardRequest { Gradients = true, Roots = [_loss] });
        await _f.SetAsync((_w, _f.Scalar(100)), (_x, _f.Tensor(7, 7, 7)));
        using var residuals = await _f.Session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(_loss)], Wrt = [_x, _w, _b], Retain = true });
        AssertGradients(residuals);

        // A fetch makes it recompute from what the run captured.
        using var recomputed = await _f.Session.BackwardAsync(new BackwardRequest { Run = forward.Run, Roots = [new(_loss)], Wrt = [_x, _w, _b], Fetches = [_loss] });
        AssertGradients(recomputed);
        Assert.Equal(16.666668f, recomputed.Values[0].AsSpan<float>()[0], 1e-5f);
    }

    [Fact]
    public async Task GradientsAccumulateAndZero()
    {
        await SetUpAsync();
        for (var i = 1; i <= 2; i++)
        {
            using var result = await _f.Session.BackwardAsync(new BackwardRequest { Roots = [new(_loss)], Mode = GradientMode.Accumulate });
            Assert.Equal(i * -17.333334f, (await _f.GradientAsync(_w))![0], 1e-4f);
        }

        await _f.Session.ZeroGradientsAsync(new ZeroGradientsRequest { Variables = [_b], KeepZeros = true });
        Assert.Equal<float[]>([0f], (await _f.GradientAsync(_b))!);
        await _f.Session.ZeroGradientsAsync(new ZeroGradientsRequest());
        Assert.Null(await _f.GradientAsync(_w));
    }

    [Fact]
    public async Task ReplyThatNoMessageHoldsIsRefusedBeforeItAccumulates()
    {
        await SetUpAsync();
        var request = new BackwardRequest { Roots = [new(_loss)], Wrt = [_x], Mode = GradientMode.Both, Fetches = [_loss], Reply = new ReplyLimit(15, [true], true) };
        var refused = await Assert.ThrowsAsync<GradientsException>(() => _f.Session.BackwardAsync(request));
        Assert.Equal(ErrorReasons.MessageTooLarge, refused.Reason);
        Assert.Null(await _f.GradientAsync(_x));
        using var fits = await _f.Session.BackwardAsync(request with { Reply = new ReplyLimit(16, [true], true) });
        Assert.NotNull(await _f.GradientAsync(_x));
    }

    [Fact]
    public async Task AssignmentWithoutTrackingIsTheManualUpdate()
    {
        await SetUpAsync();
        using (await _f.Session.BackwardAsync(new BackwardRequest { Roots = [new(_loss)], Mode = GradientMode.Accumulate }))
        {
        }

        var step = _f.Graph.Op("Sub", _w, _f.Graph.Op("Mul", _f.Graph.Scalar(0.1f), _f.Graph.Scalar(-17.333334f)));
        await _f.Session.SetVariablesAsync(new SetVariablesRequest { Nodes = _f.Graph.Take(), Updates = [new(_w, null, step)] });
        Assert.Equal(3.7333333f, (await _f.ValueAsync(_w))[0], 1e-5f);
    }

    [Fact]
    public async Task SecondDerivativeIsOneMoreGradientNode()
    {
        await SetUpAsync();
        var dw = _f.Graph.Add("Gradient", Attributes.Of(("roots", 1L), ("wrt", 1L)), _loss, _w);
        using var result = await _f.Session.BackwardAsync(new BackwardRequest { Nodes = _f.Graph.Take(), Roots = [new(dw)], Wrt = [_w], Fetches = [dw] });
        Assert.Equal(-17.333334f, result.Values[0].AsSpan<float>()[0], 1e-4f);

        // d²loss/dw² = 2·mean(x²) = 28/3.
        Assert.Equal(28f / 3, result.Gradients[0].Tensor!.AsSpan<float>()[0], 1e-4f);
    }

    private Task SetUpAsync() => _f.SetAsync((_x, _f.Tensor(1, 2, 3)), (_w, _f.Scalar(2)), (_b, _f.Scalar(1)));

    private void AssertGradients(BackwardResult result)
    {
        var of = result.Gradients.ToDictionary(g => g.Value, g => g.Tensor!.AsSpan<float>().ToArray());
        Assert.Equal(-17.333334f, of[_w][0], 1e-4f);
        Assert.Equal(-8f, of[_b][0], 1e-5f);
        Assert.Equal(-4f, of[_x][0], 1e-5f);
        Assert.Equal(-5.3333333f, of[_x][1], 1e-5f);
        Assert.Equal(-6.6666667f, of[_x][2], 1e-5f);
    }
}
