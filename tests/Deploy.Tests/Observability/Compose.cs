using YamlDotNet.RepresentationModel;

namespace Gradients.Deploy.Tests.Observability;

/// <summary>docker-compose.yml.</summary>
internal static class Compose
{
    public static YamlNode Services => Yaml.Read("docker-compose.yml")["services"];

    public static IReadOnlyList<string> Mounts(string service) =>
        Yaml.Has(Services[service], "volumes") ? [.. Yaml.Texts(Services[service]["volumes"])] : [];
}
