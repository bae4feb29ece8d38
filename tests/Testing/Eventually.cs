using System.Diagnostics;

namespace Gradients.Testing;

/// <summary>Waits for conditions that have no event, with a bound that only a fault reaches.</summary>
public static class Eventually
{
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);

    /// <summary>Returns when the condition holds.</summary>
    /// <exception cref="TimeoutException">It did not within the bound; says <paramref name="otherwise"/>.</exception>
    public static async Task HoldsAsync(Func<bool> condition, Func<string>? otherwise = null)
    {
        using var timer = new PeriodicTimer(Pause);
        var began = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(began) > Bound)
                throw new TimeoutException(otherwise?.Invoke() ?? "The condition does not come to hold.");
            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>Awaits what completes only when it is driven: moves a clock on, sends one more chunk.</summary>
    public static async Task DrivenAsync(Task task, Func<Task> drive)
    {
        using var timer = new PeriodicTimer(Pause);
        var began = Stopwatch.GetTimestamp();
        while (!task.IsCompleted && Stopwatch.GetElapsedTime(began) < Bound)
        {
            await drive();
            await timer.WaitForNextTickAsync();
        }

        await task.WaitAsync(Pause);
    }
}
