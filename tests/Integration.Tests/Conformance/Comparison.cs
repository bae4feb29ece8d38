using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json.Nodes;
using Grpc.Core;

namespace Gradients.Integration.Tests.Conformance;

/// <summary>Compares a reply with what is expected, by the rules of tests/conformance/README.md.</summary>
/// <param name="ulps">Null compares the bits of tensors.</param>
internal sealed class Comparison(long? ulps)
{
    public IEnumerable<string> Differences(JsonNode? expected, JsonNode? actual, string at)
    {
        switch (expected)
        {
            case null:
                return actual is null or JsonArray { Count: 0 } || actual.ToString() is "" or "0" or "false" ? [] : [Differs(expected, actual, at)];
            case JsonArray list:
                return actual is JsonArray array && array.Count == list.Count
                    ? list.SelectMany((e, i) => Differences(e, array[i], $"{at}.{i}"))
                    : [Differs(expected, actual, at)];
            case JsonObject fields:
                if (actual is not JsonObject o)
                    return [Differs(expected, actual, at)];
                var found = o["details"] is null ? o : Flat(o);
                return fields.SelectMany(f => f.Key == "raw" && f.Value is not null && ulps is not null && (string?)fields["dataType"] is "DATA_TYPE_FLOAT32" or "DATA_TYPE_FLOAT64"
                    ? Distant(fields, found, ulps.Value, at)
                    : Differences(f.Value, found[f.Key], $"{at}.{f.Key}"));
            default:
                return expected.ToString() == actual?.ToString() ? [] : [Differs(expected, actual, at)];
        }
    }

    private static string Differs(JsonNode? expected, JsonNode? actual, string at) => $"{at}: {actual?.ToJsonString()} instead of {expected?.ToJsonString()}";

    /// <summary>A google.rpc.Status as its code, reason, metadata and the fields at fault.</summary>
    private static JsonObject Flat(JsonObject status)
    {
        var code = (StatusCode)(int)status["code"]!;
        var flat = new JsonObject { ["code"] = string.Concat(code.ToString().Select((c, i) => i > 0 && char.IsUpper(c) ? "_" + c : c.ToString())).ToUpperInvariant() };
        foreach (var detail in status["details"]!.AsArray())
        {
            if (((string)detail!["@type"]!).EndsWith("google.rpc.ErrorInfo", StringComparison.Ordinal))
                (flat["reason"], flat["metadata"]) = (detail["reason"]!.DeepClone(), detail["metadata"]?.DeepClone());
            else if (detail["fieldViolations"] is JsonArray violations)
                flat["fields"] = new JsonArray([.. violations.Select(v => v!["field"]!.DeepClone())]);
        }

        return flat;
    }

    /// <summary>Numbers: any NaN for a NaN, else so many floats apart; -0 and 0 are neighbours.</summary>
    private static IEnumerable<string> Distant(JsonObject expected, JsonObject actual, long ulps, string at)
    {
        var isSingle = (string?)expected["dataType"] == "DATA_TYPE_FLOAT32";
        var (want, got) = (Read(expected, isSingle), Read(actual, isSingle));
        if (want.Length != got.Length)
            yield return $"{at}: {got.Length} elements instead of {want.Length}";
        for (var i = 0; i < Math.Min(want.Length, got.Length); i++)
        {
            var (w, g) = (want[i], got[i]);
            if (double.IsNaN(w.Value) ? !double.IsNaN(g.Value) : double.IsNaN(g.Value) || Int128.Abs((Int128)w.Order - g.Order) > ulps)
                yield return string.Create(CultureInfo.InvariantCulture, $"{at}[{i}]: {g.Value:R} instead of {w.Value:R}");
        }
    }

    private static (double Value, long Order)[] Read(JsonObject tensor, bool isSingle)
    {
        ReadOnlySpan<byte> raw = Convert.FromBase64String((string?)tensor["raw"] ?? "");
        var size = isSingle ? sizeof(float) : sizeof(double);
        var read = new (double, long)[raw.Length / size];
        for (var i = 0; i < read.Length; i++)
        {
            var element = raw[(i * size)..];
            if (isSingle)
            {
                var bits = BinaryPrimitives.ReadInt32LittleEndian(element);
                read[i] = (BitConverter.Int32BitsToSingle(bits), bits >= 0 ? bits : -1 - (bits & int.MaxValue));
            }
            else
            {
                var bits = BinaryPrimitives.ReadInt64LittleEndian(element);
                read[i] = (BitConverter.Int64BitsToDouble(bits), bits >= 0 ? bits : -1 - (bits & long.MaxValue));
            }
        }

        return read;
    }
}
