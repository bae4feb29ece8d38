using System.Text;

namespace Gradients.Bom;

/// <summary>The list of dependencies that people read, <c>docs/dependencies.md</c>.</summary>
public static class DependencyList
{
    private const string Shipped = "src/Cli/packages.lock.json";

    // Outside the solution, so its packages are not restored with the rest.
    private const string Peers = "tests/Peers";

    /// <summary>Of all lock files under a folder, as Markdown.</summary>
    /// <param name="root">The top of the repository.</param>
    /// <param name="licences">Where licences are looked up.</param>
    public static string Write(string root, PackageFolder licences)
    {
        var shipped = LockFile.Read(Path.Combine(root, Shipped), licences);
        var rest = LockFiles(root)
            .SelectMany(path => LockFile.Read(path, licences))
            .Where(p => !shipped.Any(s => s.Url == p.Url))
            .DistinctBy(p => p.Url)
            .OrderBy(p => p.Name, StringComparer.OrdinalIgnoreCase)
            .ThenBy(p => p.Version, StringComparer.Ordinal);
        var text = new StringBuilder();
        text.Append("# Dependencies\n\n");
        text.Append("Written by `dotnet run --project deploy/Bom -- list . docs/dependencies.md` from the lock files and the packages' own\n");
        text.Append("statements; a test compares. The image carries the first table as a CycloneDX bill of materials, `/app/sbom.cdx.json`.\n");
        Table(text, "The server, the SDK and the tool", $"All of `{Shipped}`: what the image is built from, analyzers and code generators included.", shipped);
        Table(text, "Tests and benchmarks only", "In other lock files and never in the image.", rest);
        text.Append($"\nThe peers of the benchmarks (`{Peers}`, built on demand, never in the image): TorchSharp-cpu (MIT) with libtorch (BSD-3-Clause).\n");
        text.Append("\nBeyond NuGet: the .NET 10 runtime and ASP.NET Core (MIT) come with the base image, whose own contents its publisher lists;\n");
        text.Append("`google/rpc/status.proto` (Apache-2.0) is vendored in `protos/third_party`; data sets are listed in\n");
        text.Append("[samples/data](../samples/data/README.md).\n");
        return text.ToString();
    }

    private static IEnumerable<string> LockFiles(string root) => new[] { "deploy", "protos", "src", "tests" }
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "packages.lock.json", SearchOption.AllDirectories))
        .Where(path => !path.StartsWith(Path.Combine(root, Peers), StringComparison.Ordinal));

    private static void Table(StringBuilder text, string title, string subtitle, IEnumerable<Package> packages)
    {
        text.Append($"\n## {title}\n{subtitle}\n\n| package | version | licence |\n| --- | --- | --- |\n");
        foreach (var package in packages)
            text.Append($"| {package.Name} | {package.Version} | {package.Licence.Text} |\n");
    }
}
