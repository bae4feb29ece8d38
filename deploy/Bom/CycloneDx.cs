using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gradients.Bom;

/// <summary>A software bill of materials as CycloneDX 1.6 JSON. The same packages give the same bytes.</summary>
public static class CycloneDx
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The document of one application and all packages it is built from.</summary>
    public static string Write(string application, string version, IReadOnlyList<Package> packages)
    {
        var byName = packages.ToDictionary(p => p.Name, StringComparer.OrdinalIgnoreCase);
        var root = $"pkg:generic/{application}@{version}";
        var asked = packages.SelectMany(p => p.Dependencies).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var document = new JsonObject
        {
            ["bomFormat"] = "CycloneDX",
            ["specVersion"] = "1.6",
            ["version"] = 1,
            ["metadata"] = new JsonObject
            {
                ["component"] = new JsonObject { ["type"] = "application", ["bom-ref"] = root, ["name"] = application, ["version"] = version, ["licenses"] = Expression("MIT") },
            },
            ["components"] = new JsonArray([.. packages.Select(Component)]),
            ["dependencies"] = new JsonArray(
            [
                Edge(root, packages.Where(p => !asked.Contains(p.Name))),
                .. packages.Select(p => Edge(p.Url, p.Dependencies.Where(byName.ContainsKey).Select(d => byName[d]))),
            ]),
        };
        return document.ToJsonString(Indented) + "\n";
    }

    private static JsonObject Component(Package package) => new()
    {
        ["type"] = "library",
        ["bom-ref"] = package.Url,
        ["name"] = package.Name,
        ["version"] = package.Version,
        ["purl"] = package.Url,
        ["licenses"] = Expression(Shipped(package)),
    };

    private static JsonObject Edge(string from, IEnumerable<Package> to) => new()
    {
        ["ref"] = from,
        ["dependsOn"] = new JsonArray([.. to.Select(p => JsonValue.Create(p.Url))]),
    };

    private static string Shipped(Package package) => package.Licence.IsExpression
        ? package.Licence.Text
        : throw new InvalidDataException($"{package.Name} {package.Version} states no SPDX licence expression, and what is shipped must.");

    private static JsonArray Expression(string licence) => [new JsonObject { ["expression"] = licence }];
}
