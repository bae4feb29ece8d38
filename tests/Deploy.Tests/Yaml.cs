using YamlDotNet.RepresentationModel;

namespace Gradients.Deploy.Tests;

internal static class Yaml
{
    /// <summary>The one document of a file.</summary>
    public static YamlNode Read(string file)
    {
        var stream = new YamlStream();
        using var text = new StringReader(Repository.Read(file));
        stream.Load(text);
        return Assert.Single(stream.Documents).RootNode;
    }

    public static string Text(YamlNode node, string key) => ((YamlScalarNode)node[key]).Value!;

    public static IEnumerable<string> Keys(YamlNode node) => ((YamlMappingNode)node).Children.Keys.Select(k => ((YamlScalarNode)k).Value!);

    public static IEnumerable<string> Texts(YamlNode node) => ((YamlSequenceNode)node).Children.Select(c => ((YamlScalarNode)c).Value!);

    public static bool Has(YamlNode node, string key) => ((YamlMappingNode)node).Children.ContainsKey(key);
}
