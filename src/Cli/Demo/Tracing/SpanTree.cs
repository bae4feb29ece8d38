using System.Diagnostics;
using System.Globalization;
using Gradients.Cli.Commands;
using Spectre.Console;

namespace Gradients.Cli.Demo.Tracing;

/// <summary>Spans of one trace as a tree, each with its time and what it counted.</summary>
internal static class SpanTree
{
    /// <param name="spans">Of one trace, at least one.</param>
    public static Tree Of(IReadOnlyList<Activity> spans)
    {
        var tree = new Tree($"trace [bold]{spans[0].TraceId}[/]");
        var nodes = new Dictionary<ActivitySpanId, TreeNode>();
        foreach (var span in spans.OrderBy(s => Depth(s, spans)).ThenBy(s => s.StartTimeUtc))
        {
            var label = Markup.Escape(Describe(span));
            nodes[span.SpanId] = nodes.TryGetValue(span.ParentSpanId, out var parent) ? parent.AddNode(label) : tree.AddNode(label);
        }

        return tree;
    }

    private static int Depth(Activity span, IReadOnlyList<Activity> spans)
    {
        var depth = 0;
        for (var current = span; current is not null && depth < spans.Count; depth++)
            current = spans.FirstOrDefault(s => s.SpanId == current.ParentSpanId);
        return depth;
    }

    private static string Describe(Activity span)
    {
        var parts = new List<string> { $"{span.OperationName} {Duration(span.Duration)}" };
        if (span.GetTagItem("gradients.command") is { } command)
            parts.Add($"{command}");
        if (span.GetTagItem("gradients.plan.cached") is bool isCached)
            parts.Add(isCached ? "cached" : "compiled");
        if (span.GetTagItem("gradients.plan.instructions") is { } instructions)
            parts.Add($"{instructions} instructions");
        if (span.GetTagItem("gradients.optimizer") is { } optimizer)
            parts.Add($"{optimizer}");
        if (span.GetTagItem("gradients.variables") is { } variables)
            parts.Add($"{variables} variables");
        if (span.GetTagItem("gradients.op.count") is { } ops)
            parts.Add($"{ops} ops");
        if (span.GetTagItem("gradients.bytes") is { } bytes)
            parts.Add(ByteCount.Format(Convert.ToDouble(bytes, CultureInfo.InvariantCulture)));
        if (span.GetTagItem("gradients.flops") is { } flops)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{Convert.ToDouble(flops, CultureInfo.InvariantCulture):N0} FLOPs"));
        return string.Join(" · ", parts);
    }

    private static string Duration(TimeSpan time) => time.TotalMilliseconds >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.00} ms")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalMicroseconds:0.0} µs");
}
