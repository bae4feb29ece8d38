namespace Gradients.Deploy.Tests.Helm;

/// <summary>Releases as operators make them, by name.</summary>
internal static class ValueSets
{
    private static readonly Dictionary<string, string[]> Sets = new()
    {
        ["plaintext"] = ["tls.allowPlaintext=true"],
        ["TLS and API keys"] = ["tls.existingSecret=server-tls", "authentication.apiKeys.existingSecret=keys"],
        ["mutual TLS and JWT from a config map"] =
        [
            "tls.existingSecret=server-tls", "tls.clientCaSecret=client-ca", "authentication.jwt.issuer=https://issuer.example",
            "authentication.jwt.audience=gradients", "authentication.jwt.tenantClaim=org", "authentication.jwt.jwksConfigMap=issuer-keys",
        ],
        ["JWT from a URL"] =
        [
            "tls.existingSecret=server-tls", "authentication.jwt.issuer=https://issuer.example",
            "authentication.jwt.audience=gradients", "authentication.jwt.jwksUrl=https://issuer.example:8443/keys",
        ],
        ["three stateless replicas"] = ["tls.existingSecret=server-tls", "stateless=true", "replicaCount=3", "service.headless=true", "preStopSleepSeconds=5"],
        ["monitoring"] =
        [
            "tls.allowPlaintext=true", "serviceMonitor.enabled=true", "serviceMonitor.labels.release=prometheus", "prometheusRule.enabled=true",
            "prometheusRule.runbookUrl=https://example.org/runbook", "otlp.endpoint=http://collector.monitoring:4317",
        ],
        ["web and warm-up"] =
        [
            "tls.existingSecret=server-tls", "web.enabled=true", "web.port=443", "web.allowedOrigins={https://app.example.org,https://b.example.org:8443}",
            "warmUp.configMap=graphs",
        ],
        ["small"] = ["tls.allowPlaintext=true", "engine.memoryBudgetMiB=64", "engine.wireBudgetMiB=64", "cpu.request=250m", "cpu.limit=1500m", "drainSeconds=5"],
        ["large"] = ["tls.allowPlaintext=true", "engine.memoryBudgetMiB=1048576", "engine.wireBudgetMiB=4096", "cpu.request=64", "cpu.limit=64", "drainSeconds=3600"],
        ["bare"] =
        [
            "tls.allowPlaintext=true", "metrics.enabled=false", "networkPolicy.enabled=false", "podDisruptionBudget.enabled=false",
            "serviceAccount.create=false", "cpu.limit=",
        ],
        ["everything placed"] =
        [
            "tls.allowPlaintext=true", "fullnameOverride=calculus", "image.repository=registry.example/gradients", "image.tag=1.2.3", "imagePullSecrets[0]=registry",
            "service.type=LoadBalancer", "service.annotations.key=value", "podAnnotations.key=value", "podLabels.team=maths", "nodeSelector.disk=fast",
            "tolerations[0].key=compute", "tolerations[0].operator=Exists", "priorityClassName=high", "serviceAccount.annotations.key=value",
            "topologySpreadConstraints[0].maxSkew=1", "topologySpreadConstraints[0].topologyKey=zone", "topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway",
            "extraEnv[0].name=GRADIENTS__MAXSESSIONS", "extraEnv[0].value=\"100\"", "podDisruptionBudget.minAvailable=1",
            "networkPolicy.apiFrom[0].ipBlock.cidr=10.0.0.0/8",
        ],
    };

    public static TheoryData<string> Names => [.. Sets.Keys];

    public static string[] Get(string name) => Sets[name];
}
