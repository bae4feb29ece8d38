namespace Gradients.Server.Wire;

/// <summary>A field of a request, for errors: becomes text only where one names it.</summary>
/// <param name="Name">The field, or the list that it is in.</param>
/// <param name="Index">The place in the list; -1 outside of lists.</param>
/// <param name="Member">The field of that element; null for the element or field itself.</param>
/// <param name="Leaf">The field of that in turn; null for none.</param>
internal readonly record struct FieldPath(string Name, int Index = -1, string? Member = null, string? Leaf = null)
{
    public static implicit operator FieldPath(string name) => new(name);

    public override string ToString() => $"{Name}{(Index < 0 ? "" : $"[{Index}]")}{(Member is null ? "" : $".{Member}")}{(Leaf is null ? "" : $".{Leaf}")}";
}
