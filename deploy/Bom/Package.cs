namespace Gradients.Bom;

/// <summary>One NuGet package of a lock file.</summary>
/// <param name="Name">Its id.</param>
/// <param name="Version">The resolved version.</param>
/// <param name="Licence">What its nuspec states.</param>
/// <param name="Dependencies">Ids of the packages it asks for.</param>
public sealed record Package(string Name, string Version, Licence Licence, IReadOnlyList<string> Dependencies)
{
    /// <summary>The package URL, such as <c>pkg:nuget/Google.Protobuf@3.36.2</c>.</summary>
    public string Url => $"pkg:nuget/{Name}@{Version}";
}
