using Gradients.Client.Protocol;
using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>The value of an expression, and its gradients by name. The elements are the caller's.</summary>
public sealed class ExpressionResult
{
    private readonly Dictionary<string, TensorData?> _gradients;

    internal ExpressionResult(V1.EvaluateResponse response, ulong result, IReadOnlyDictionary<string, ulong> ids)
    {
        Value = response.Values.Single(v => v.Value == result).Tensor.ToData();
        var gradients = response.Gradients.ToDictionary(g => g.Value, g => g.Absent ? null : g.Tensor.ToData());
        _gradients = ids.Where(i => gradients.ContainsKey(i.Value)).ToDictionary(i => i.Key, i => gradients[i.Value]);
        TraceId = response.TraceId;
        Profile = response.Profile;
    }

    /// <summary>The value of the last statement.</summary>
    public TensorData Value { get; }

    /// <summary>The W3C trace id of the request, 32 hexadecimal digits.</summary>
    public string TraceId { get; }

    /// <summary>Where the time went, when asked for.</summary>
    public V1.Profile? Profile { get; }

    /// <summary>The gradient by a name, of its type and shape.</summary>
    /// <exception cref="GradientsClientException">GRADIENT_ABSENT: no differentiable path leads to it.</exception>
    /// <exception cref="KeyNotFoundException">It was not asked for.</exception>
    public TensorData this[string name] => _gradients[name]
        ?? throw Errors.Local(StatusCode.FailedPrecondition, ErrorReasons.GradientAbsent, $"No differentiable path leads to '{name}': its gradient is absent, not zero.");

    /// <summary>Whether no differentiable path leads to the name. Absent is not zero.</summary>
    /// <exception cref="KeyNotFoundException">It was not asked for.</exception>
    public bool IsAbsent(string name) => _gradients[name] is null;
}
