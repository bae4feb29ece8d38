using System.Diagnostics;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>Waits for conditions that have no event, with a bound that only a fault reaches.</summary>
internal static class Eventually
{
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    public static async Task HoldsAsync(Func<bool> condition, Func<string> otherwise)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        var began = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Bound, otherwise());
            await timer.WaitForNextTickAsync();
        }
    }
}
