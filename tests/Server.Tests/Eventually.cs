namespace Gradients.Server.Tests;

/// <summary>Waits for what other threads are about to do.</summary>
internal static class Eventually
{
    public static async Task TrueAsync(Func<bool> condition)
    {
        for (var i = 0; i < 1000; i++)
        {
            if (condition())
                return;
            await Task.Delay(5);
        }

        Assert.True(condition());
    }
}
