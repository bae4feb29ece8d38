using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Client;

/// <summary>The signature of a <c>Custom</c> node. Left out, it has one output with the type and shape of its first input.</summary>
public sealed record CustomOptions
{
    /// <summary>The outputs' types; symbols are those of <see cref="InputTypes"/>. Default: as <see cref="Like"/> says.</summary>
    public IReadOnlyList<TensorType>? Types { get; init; }

    /// <summary>For each output the position of the input whose type and shape it has. Default: one output like input 0.</summary>
    public IReadOnlyList<int>? Like { get; init; }

    /// <summary>The inputs' types, which are then demanded; a symbol takes one length within the node. Default: any.</summary>
    public IReadOnlyList<TensorType>? InputTypes { get; init; }

    /// <summary>Whether the function has a backward. Default: whether the registered one has; true where none is registered.</summary>
    public bool? Backward { get; init; }

    /// <summary>Positions of the inputs that backward gives gradients for. Default: all of a floating type.</summary>
    public IReadOnlyList<int>? Differentiable { get; init; }

    /// <summary>Positions of the inputs that backward sees. Default: all.</summary>
    public IReadOnlyList<int>? SavedInputs { get; init; }

    /// <summary>Positions of the outputs that backward sees. Default: all.</summary>
    public IReadOnlyList<int>? SavedOutputs { get; init; }

    internal Attributes ToAttributes(string name, bool backward)
    {
        var entries = new List<(string, object)> { ("name", name), ("backward", Backward ?? backward) };
        void Add<T>(string attribute, IReadOnlyList<T>? values, Func<IReadOnlyList<T>, object> convert)
        {
            if (values is not null)
                entries.Add((attribute, convert(values)));
        }

        Add("types", Types, t => t.ToArray());
        Add("input_types", InputTypes, t => t.ToArray());
        Add("like", Like, Positions);
        Add("differentiable", Differentiable, Positions);
        Add("saved_inputs", SavedInputs, Positions);
        Add("saved_outputs", SavedOutputs, Positions);
        return Attributes.Of([.. entries]);
    }

    private static object Positions(IReadOnlyList<int> positions) => positions.Select(p => (long)p).ToArray();
}
