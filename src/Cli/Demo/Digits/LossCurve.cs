using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Gradients.Cli.Demo.Digits;

/// <summary>The mean loss of each epoch as a bar; of many epochs, evenly chosen ones.</summary>
internal static class LossCurve
{
    private const int MaxBars = 20;

    public static IRenderable Of(IReadOnlyList<double> losses)
    {
        var chart = new BarChart().Width(72).Label("loss by epoch").LeftAlignLabel().UseValueFormatter((v, _) => v.ToString("0.0000", CultureInfo.InvariantCulture));
        var bars = Math.Min(losses.Count, MaxBars);
        for (var bar = 1; bar <= bars; bar++)
        {
            var epoch = bar * losses.Count / bars;
            chart.AddItem(epoch.ToString(CultureInfo.InvariantCulture), losses[epoch - 1], Color.Teal);
        }

        return chart;
    }
}
