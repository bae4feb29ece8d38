using Gradients.Cli.Demo;

namespace Gradients.Integration.Tests.Cli;

/// <summary>An expectation that cannot fail would make the demo worthless.</summary>
public class ExpectationTests
{
    [Fact]
    public void Near_takes_equally_many_numbers_within_the_tolerance()
    {
        var near = new Near("q", 0.01, 1, 2);
        Assert.True(near.Holds(new[] { 1.005, 1.995 }));
        Assert.False(near.Holds(new[] { 1.02, 2 }));
        Assert.False(near.Holds(new[] { 1.0 }));
        Assert.False(near.Holds(new[] { double.NaN, 2 }));
        Assert.False(near.Holds(null));
        Assert.False(near.Holds(new[] { "1", "2" }));
    }

    [Fact]
    public void At_least_takes_one_number_from_the_bound_on()
    {
        var atLeast = new AtLeast("q", 0.96);
        Assert.True(atLeast.Holds(new[] { 0.96 }));
        Assert.False(atLeast.Holds(new[] { 0.9599 }));
        Assert.False(atLeast.Holds(new[] { double.NaN }));
        Assert.False(atLeast.Holds(null));
    }

    [Fact]
    public void Absent_is_not_zero()
    {
        Assert.True(new Absent("q").Holds(null));
        Assert.False(new Absent("q").Holds(new[] { 0.0 }));
    }

    [Fact]
    public void Words_take_the_same_words_in_order()
    {
        Assert.True(new Words("q", "a", "b").Holds(new[] { "a", "b" }));
        Assert.False(new Words("q", "a", "b").Holds(new[] { "b", "a" }));
        Assert.False(new Words("q", "a", "b").Holds(null));
    }
}
