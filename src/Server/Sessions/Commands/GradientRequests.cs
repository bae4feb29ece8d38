using Google.Protobuf.Collections;
using Gradients.Engine.Sessions;
using Gradients.Server.Errors;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

/// <summary>What Backward and Evaluate have in common.</summary>
internal static class GradientRequests
{
    public static void CheckFeatures(V1.ProductKind product, int tangents, bool batched)
    {
        if (!Enum.IsDefined(product))
            throw Refusals.Field("product", $"{(int)product} is not a product.");
        if (product is not (V1.ProductKind.Unspecified or V1.ProductKind.Vjp))
            throw Refusals.Feature("product", $"{product} is not supported.");
        if (tangents > 0)
            throw Refusals.Field("tangents", "directions are for JVP and HVP.");
        if (batched)
            throw Refusals.Feature("batched_cotangents", "send one request for each cotangent.");
    }

    public static GradientRoot[] ReadRoots(IList<V1.Root> roots, TensorReader tensors)
    {
        tensors.CheckCount(roots.Count, "roots");
        var read = new GradientRoot[roots.Count];
        for (var i = 0; i < read.Length; i++)
            read[i] = new GradientRoot(roots[i].Value, roots[i].Cotangent is { } cotangent ? tensors.Read(cotangent, $"roots[{i}].cotangent") : null);
        return read;
    }

    /// <summary>Adds gradients to a reply's, in the order of <paramref name="wrt"/>; where that is empty, by ascending id.</summary>
    public static void Write(RepeatedField<V1.Gradient> into, IReadOnlyList<GradientResult> gradients, IList<ulong> wrt, bool statistics, Func<Engine.Tensors.Tensor, V1.Tensor>? tensor)
    {
        gradients = Ordered(gradients, wrt);
        into.Capacity = gradients.Count;
        for (var i = 0; i < gradients.Count; i++)
            into.Add(Write(gradients[i], statistics, tensor));
    }

    private static IReadOnlyList<GradientResult> Ordered(IReadOnlyList<GradientResult> gradients, IList<ulong> wrt)
    {
        for (var i = 1; wrt.Count == 0 && i < gradients.Count; i++)
        {
            if (gradients[i].Value < gradients[i - 1].Value)
                return [.. gradients.OrderBy(g => g.Value)];
        }

        return gradients;
    }

    public static V1.GradientStatistics Statistics((double Norm, bool Finite) of) => new() { Norm = of.Norm, Finite = of.Finite };

    private static V1.Gradient Write(GradientResult gradient, bool statistics, Func<Engine.Tensors.Tensor, V1.Tensor>? tensor)
    {
        var written = new V1.Gradient { Value = gradient.Value, Absent = gradient.Tensor is null };
        if (gradient.Tensor is not { } value)
            return written;
        if (statistics)
            written.Statistics = Statistics(GradientStatistics.Of(value));
        else if (tensor is not null)
            written.Tensor = tensor(value);
        return written;
    }
}
