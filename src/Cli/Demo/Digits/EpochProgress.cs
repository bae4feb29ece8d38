using System.Globalization;
using Spectre.Console;

namespace Gradients.Cli.Demo.Digits;

/// <summary>A progress bar on a terminal; elsewhere a line now and then.</summary>
internal static class EpochProgress
{
    private const int PlainLines = 4;

    /// <param name="console">Where to show it.</param>
    /// <param name="epochs">How many there are.</param>
    /// <param name="work">Reports each epoch, from 1, and its loss.</param>
    public static Task RunAsync(IAnsiConsole console, int epochs, Func<Action<int, double>, Task> work)
    {
        if (!console.Profile.Capabilities.Ansi || !console.Profile.Capabilities.Interactive)
        {
            return work((epoch, loss) =>
            {
                if (epoch * PlainLines / epochs > (epoch - 1) * PlainLines / epochs)
                    console.WriteLine(Describe(epoch, epochs, loss));
            });
        }

        return console.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(progress =>
            {
                var task = progress.AddTask("training", maxValue: epochs);
                return work((epoch, loss) =>
                {
                    task.Description = Describe(epoch, epochs, loss);
                    task.Value = epoch;
                });
            });
    }

    private static string Describe(int epoch, int epochs, double loss) =>
        string.Create(CultureInfo.InvariantCulture, $"epoch {epoch,2} of {epochs}, loss {loss:0.0000}");
}
