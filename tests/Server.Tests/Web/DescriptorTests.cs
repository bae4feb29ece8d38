using Google.Protobuf.Reflection;

namespace Gradients.Server.Tests.Web;

public sealed class DescriptorTests
{
    /// <summary>Built anew from the bytes alone, every service is there with its rpcs and every import before its user.</summary>
    [Fact]
    public async Task The_contract_is_served_whole()
    {
        await using var web = await WebServer.StartAsync();
        using var http = new HttpClient();
        using var response = await http.GetAsync(new Uri(web.Address, "/v1/descriptor"), TestContext.Current.CancellationToken);
        Assert.Equal("application/x-protobuf", response.Content.Headers.ContentType!.MediaType);
        var set = FileDescriptorSet.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        var files = FileDescriptor.BuildFromByteStrings(set.File.Select(f => Google.Protobuf.MessageExtensions.ToByteString(f)));
        var built = files.SelectMany(f => f.Services).ToDictionary(s => s.FullName, s => s.Methods.Select(m => m.Name).ToArray());
        foreach (var service in Door.EveryRpcTests.Services.Where(s => s.FullName.StartsWith("gradients.v1.", StringComparison.Ordinal)))
            Assert.Equal(service.Methods.Select(m => m.Name), built[service.FullName]);
        Assert.Contains(files, f => f.Name == "gradients/v1/errors.proto");
    }
}
