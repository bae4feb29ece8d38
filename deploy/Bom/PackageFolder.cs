using System.Xml.Linq;

namespace Gradients.Bom;

/// <summary>The restored packages of this machine, which carry their licences.</summary>
public sealed class PackageFolder
{
    private readonly string _root = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } set
        ? set
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    /// <summary>What a package's nuspec states: its SPDX expression, or the name of the file in the package that holds the text.</summary>
    /// <exception cref="InvalidDataException">The package is not restored, or states nothing.</exception>
    public Licence LicenceOf(string name, string version)
    {
#pragma warning disable CA1308 // NuGet's folders are lower case.
        var id = name.ToLowerInvariant();
        var path = Path.Combine(_root, id, version.ToLowerInvariant(), id + ".nuspec");
#pragma warning restore CA1308
        if (!File.Exists(path))
            throw new InvalidDataException($"{name} {version} is not restored: {path} is missing.");
        var licence = XDocument.Load(path).Descendants().FirstOrDefault(e => e.Name.LocalName == "license");
        return (string?)licence?.Attribute("type") switch
        {
            "expression" => new Licence(licence!.Value.Trim(), IsExpression: true),
            "file" => new Licence($"its `{licence!.Value.Trim()}`", IsExpression: false),
            _ => throw new InvalidDataException($"{name} {version} states no licence."),
        };
    }
}
