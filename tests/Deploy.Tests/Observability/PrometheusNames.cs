using System.Diagnostics.Metrics;

namespace Gradients.Deploy.Tests.Observability;

/// <summary>
/// How instruments are called in Prometheus: dots are underscores, then the unit, then the kind.
/// https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
/// </summary>
internal static class PrometheusNames
{
    /// <summary>Of the table of metrics, whose first columns are name, type and unit.</summary>
    public static IEnumerable<string> OfDocument(string markdown) => markdown.Split('\n')
        .Select(l => l.Split('|', StringSplitOptions.TrimEntries))
        .Where(c => c.Length > 4 && c[2] is "counter" or "updowncounter" or "gauge" or "histogram")
        .SelectMany(c => Of(c[1].Trim('`'), c[2], c[3].Trim('`')));

    /// <summary>Of the meter System.Runtime as this process has it.</summary>
    public static IReadOnlyList<string> OfRuntime()
    {
        var names = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name != "System.Runtime")
                    return;
                var type = instrument.GetType().Name;
                names.AddRange(Of(instrument.Name, type.Contains("UpDown", StringComparison.Ordinal) ? "updowncounter" : type.Contains("Counter", StringComparison.Ordinal) ? "counter" : "gauge", instrument.Unit ?? ""));
            },
        };
        listener.Start();
        return names;
    }

    private static IEnumerable<string> Of(string name, string type, string unit)
    {
        var plain = name.Replace('.', '_');
        var suffix = unit switch
        {
            "" => "",
            "s" => "_seconds",
            "By" => "_bytes",
            _ when unit.StartsWith('{') => "",
            _ => throw new ArgumentException($"{name} has the unit {unit}, whose suffix is not known here."),
        };
        // A name that ends with its unit is not given it again.
        var full = plain.EndsWith(suffix, StringComparison.Ordinal) ? plain : plain + suffix;
        return type switch
        {
            "histogram" => [full + "_bucket", full + "_sum", full + "_count"],
            "counter" => [full + "_total"],
            _ => [full],
        };
    }
}
