using System.ComponentModel.DataAnnotations;
using System.Globalization;
using OpenTelemetry.Trace;

namespace Gradients.Server.Telemetry;

/// <summary>
/// What is recorded. A span inside a recorded one always is; a trace that comes from a caller is judged like a new one,
/// unless callers are trusted.
/// </summary>
internal sealed class Sampling(Sampler root, bool trustCallers) : Sampler
{
    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters)
    {
        var parent = samplingParameters.ParentContext;
        if (parent.TraceId != default && (trustCallers || !parent.IsRemote))
            return new SamplingResult((parent.TraceFlags & System.Diagnostics.ActivityTraceFlags.Recorded) != 0);
        return root.ShouldSample(samplingParameters);
    }

    /// <summary>The sampler named by OTEL_TRACES_SAMPLER, or one that records so many traces a second.</summary>
    /// <exception cref="ValidationException">The variable names no sampler, or its argument is none.</exception>
    public static Sampler Create(IConfiguration configuration, TelemetryOptions options, TimeProvider time)
    {
        const string Prefix = "parentbased_";
        var name = configuration["OTEL_TRACES_SAMPLER"]?.Trim().ToLowerInvariant() ?? "";
        Sampler root = (name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name) switch
        {
            "" => new RateSampler(options.TracesPerSecond, time),
            "always_on" => new AlwaysOnSampler(),
            "always_off" => new AlwaysOffSampler(),
            "traceidratio" => new TraceIdRatioBasedSampler(Ratio(configuration["OTEL_TRACES_SAMPLER_ARG"])),
            _ => throw new ValidationException($"OTEL_TRACES_SAMPLER: '{LogText.Escape(name)}' is none of always_on, always_off, traceidratio and these behind parentbased_."),
        };
        return new Sampling(root, options.TrustIncomingSampling);
    }

    private static double Ratio(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return 1;
        return double.TryParse(text, CultureInfo.InvariantCulture, out var ratio) && ratio is >= 0 and <= 1
            ? ratio
            : throw new ValidationException($"OTEL_TRACES_SAMPLER_ARG: '{LogText.Escape(text)}' is no number from 0 to 1.");
    }
}
