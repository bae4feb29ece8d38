using System.ComponentModel.DataAnnotations;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;

namespace Gradients.Server.Tests.Limits;

public sealed class LimitSettingsTests
{
    [Theory]
    [InlineData("--Gradients:Quotas:MaxSessions=-1", "Quotas:MaxSessions")]
    [InlineData("--Gradients:Tenants:acme:MaxFlopsPerSecond=0", "Tenants:acme:MaxFlopsPerSecond")]
    [InlineData("--Gradients:Tenants:acme:FlopBurst=02:00:00", "Tenants:acme:FlopBurst")]
    [InlineData("--Gradients:MaxQueueWait=00:00:00", "MaxQueueWait")]
    [InlineData("--Gradients:MaxTenants=0", "MaxTenants")]
    [InlineData("--Gradients:WireBudgetBytes=1000000", "WireBudgetBytes")]
    public void A_setting_out_of_range_stops_the_server_and_is_named(string setting, string name)
    {
        var e = Assert.Throws<ValidationException>(() => GradientsServer.Build(new GradientsServerOptions(), [setting]));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenants_settings_change_what_all_have()
    {
        var options = new GradientsServerOptions { Tenants = { ["coded"] = new TenantQuota { MaxRuns = 9 } } };
        await using var app = GradientsServer.Build(options, ["--Gradients:Quotas:MaxSessions=7", "--Gradients:Quotas:MaxStreams=3", "--Gradients:Tenants:Acme:MaxSessions=50", "--Gradients:Tenants:coded:MaxUploads=4"]);
        Assert.Equal(new TenantQuota { MaxSessions = 7, MaxStreams = 3 }, options.Quotas);
        Assert.Equal(new TenantQuota { MaxSessions = 50, MaxStreams = 3 }, options.Tenants["acme"]);
        Assert.Equal(new TenantQuota { MaxRuns = 9, MaxUploads = 4 }, options.Tenants["coded"]);
    }
}
