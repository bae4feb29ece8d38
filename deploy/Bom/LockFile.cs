using System.Text.Json;

namespace Gradients.Bom;

/// <summary>Reads <c>packages.lock.json</c>.</summary>
public static class LockFile
{
    /// <summary>The packages of a lock file, by name; the repository's own projects are none.</summary>
    /// <param name="path">The lock file.</param>
    /// <param name="licences">Where licences are looked up.</param>
    public static IReadOnlyList<Package> Read(string path, PackageFolder licences)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        var packages = new Dictionary<string, Package>(StringComparer.OrdinalIgnoreCase);
        foreach (var framework in document.RootElement.GetProperty("dependencies").EnumerateObject())
        {
            foreach (var entry in framework.Value.EnumerateObject().Where(e => e.Value.GetProperty("type").GetString() != "Project"))
            {
                var version = entry.Value.GetProperty("resolved").GetString()!;
                string[] dependencies = entry.Value.TryGetProperty("dependencies", out var asked) ? [.. asked.EnumerateObject().Select(d => d.Name)] : [];
                packages[entry.Name] = new Package(entry.Name, version, licences.LicenceOf(entry.Name, version), dependencies);
            }
        }

        return [.. packages.Values.OrderBy(p => p.Name, StringComparer.OrdinalIgnoreCase)];
    }
}
