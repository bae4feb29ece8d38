using System.Text.RegularExpressions;
using Gradients.Engine.Kernels;

namespace Gradients.Benchmarks;

/// <summary>What rows of one process are asked to reach beside their peers and limits; rows of several say so themselves.</summary>
internal static partial class Goals
{
    /// <summary>Multiples of libtorch's and of OpenBLAS's rate, and the part of the peak: with registers of 256 bits, whose peak libtorch comes near, the peak alone.</summary>
    private static readonly (double? Libtorch, double? OpenBlas, double? Limit) Cached = IsaLevel.Name == "avx512" ? (2.2, 1, 0.85) : (null, null, 0.8), Large = (2, 0.95, null);

    /// <summary>The most of libtorch's time on one thread, and on two.</summary>
    private static readonly Dictionary<string, (double One, double Two)> Steps = new()
    {
        ["784-512-256-10 b128 executor"] = (0.4, 0.45),
        ["transformer block d256 T128 b4 executor"] = (0.45, 0.45),
        ["LeNet 28x28 b64 executor"] = (0.6, 0.6),
    };

    private static readonly string[] Chains = ["a + b", "a·b + c", "(a − b)²", "relu(x + row)"];

    /// <summary>What was asked and whether it is met; null when nothing was, or nothing it is measured by is there.</summary>
    public static string? Judge(Row row) => Target.Join(Asked(row), row.LibtorchRatio > 1 ? "slower than libtorch" : null);

    private static string? Asked(Row row)
    {
        switch (row.Suite)
        {
            case "gemm" when Square().Match(row.Name) is { Success: true } match:
                var (libtorch, openBlas, limit) = int.Parse(match.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) switch { >= 1024 => Large, >= 64 => Cached, _ => default };
                return Target.Join(
                    libtorch is { } torch ? AtMost("of libtorch's time", 1 / torch, row.LibtorchRatio, row.LimitFraction) : null,
                    openBlas is { } blas ? AtMost("of OpenBLAS's", 1 / blas, row.OpenBlasRatio, row.LimitFraction) : null,
                    limit is { } part && row.LimitFraction is { } reached ? Target.AtLeast("of the peak", part, reached) : null);
            case "elementwise" when Chains.Any(c => row.Name.StartsWith(c, StringComparison.Ordinal)):
                return row.LimitFraction is { } copied ? Target.AtLeast("of the copy's rate", 0.8, copied, copied * row.Ours / row.Beside.Values.Sum()) : null;
            case "steps" when row.Name == "10-5-1 b1 executor":
                return row.Ours is { } time ? Target.AtMost("us", 1.5, time) : null;
            case "steps" when Steps.TryGetValue(row.Name, out var most):
                return AtMost("of libtorch's time", row.Threads > 1 ? most.Two : most.One, row.LibtorchRatio, row.LimitFraction);
            default:
                return null;
        }
    }

    /// <param name="reached">The part of the limit that is reached: at the limit the value would be so much less.</param>
    private static string? AtMost(string what, double bound, double? value, double? reached) => value is null ? null : Target.AtMost(what, bound, value, value * reached);

    [GeneratedRegex(@"^(\d+)x\1x\1 ")]
    private static partial Regex Square();
}
