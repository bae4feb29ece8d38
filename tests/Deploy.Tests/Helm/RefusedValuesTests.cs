namespace Gradients.Deploy.Tests.Helm;

public class RefusedValuesTests
{
    [Theory]
    [InlineData("replicaCount=3", "replicaCount > 1 needs stateless: true")]
    [InlineData("replicaCount=two", "'/replicaCount': got string, want integer")]
    [InlineData("replicaCount=0", "'/replicaCount': minimum")]
    [InlineData("replicas=1", "additional properties 'replicas' not allowed")]
    [InlineData("engine.budget=1", "additional properties 'budget' not allowed")]
    [InlineData("engine.memoryBudgetMiB=0", "'/engine/memoryBudgetMiB': minimum")]
    [InlineData("engine.memoryBudgetMiB=1.5", "'/engine/memoryBudgetMiB'")]
    [InlineData("engine.computeThreads=1025", "'/engine/computeThreads': maximum")]
    [InlineData("cpu.limit=0", "'/cpu/limit'")]
    [InlineData("cpu.limit=two", "'/cpu/limit'")]
    [InlineData("cpu.request=0m", "'/cpu/request'")]
    [InlineData("drainSeconds=3601", "'/drainSeconds': maximum")]
    [InlineData("drainSeconds=null", "missing property 'drainSeconds'")]
    [InlineData("uid=0", "'/uid': minimum")]
    [InlineData("service.port=70000", "'/service/port': maximum")]
    [InlineData("service.type=ExternalName", "'/service/type'")]
    [InlineData("networkPolicy.apiFrom=null", "missing property 'apiFrom'")]
    [InlineData("networkPolicy.monitoringFrom=null", "missing property 'monitoringFrom'")]
    [InlineData("otlp.endpoint=collector:4317", "'/otlp/endpoint'")]
    [InlineData("otlp.endpoint=http://user:secret@collector:4317", "'/otlp/endpoint'")]
    [InlineData("authentication.jwt.jwksUrl=http://issuer.example/keys", "'/authentication/jwt/jwksUrl'")]
    [InlineData("authentication.jwt.issuer=https://issuer.example", "needs an audience")]
    [InlineData("authentication.jwt.audience=gradients", "needs an issuer")]
    [InlineData("authentication.apiKeys.existingSecret=Not_A_Name", "'/authentication/apiKeys/existingSecret'")]
    [InlineData("tls.clientCaSecret=ca", "tls.clientCaSecret needs tls.existingSecret")]
    [InlineData("tls.existingSecret=server-tls", "exclude each other")]
    [InlineData("web.port=0", "'/web/port': minimum")]
    [InlineData("web.allowedOrigins={app.example.org}", "'/web/allowedOrigins/0'")]
    [InlineData("web.allowedOrigins={https://app.example.org}", "web.allowedOrigins needs web.enabled")]
    [InlineData("warmUp.configMap=Not_A_Name", "'/warmUp/configMap'")]
    [InlineData("serviceMonitor.interval=soon", "'/serviceMonitor/interval'")]
    public void AWrongValueIsRefusedByName(string set, string message)
    {
        var result = Chart.Template("tls.allowPlaintext=true", set);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("exactly one of jwksConfigMap and jwksUrl")]
    [InlineData("exactly one of jwksConfigMap and jwksUrl", "authentication.jwt.jwksConfigMap=keys", "authentication.jwt.jwksUrl=https://issuer.example/keys")]
    public void JwtKeysComeFromOnePlace(string message, params string[] set)
    {
        var result = Chart.Template(["tls.allowPlaintext=true", "authentication.jwt.issuer=https://issuer.example", "authentication.jwt.audience=gradients", .. set]);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("metrics.enabled=false", "serviceMonitor.enabled=true", "serviceMonitor.enabled needs metrics.enabled")]
    [InlineData("web.enabled=true", "web.port=50051", "web.port and service.port are ports of one service")]
    [InlineData("service.type=LoadBalancer", "service.headless=true", "service.headless needs service.type: ClusterIP")]
    public void ValuesThatContradictEachOtherAreRefused(string first, string second, string message)
    {
        var result = Chart.Template("tls.allowPlaintext=true", first, second);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void PlaintextIsNeverTheDefault()
    {
        var result = Chart.Template();
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("Give tls.existingSecret", result.Error, StringComparison.Ordinal);
    }
}
