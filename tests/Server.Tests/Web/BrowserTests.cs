using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Gradients.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Logging;

namespace Gradients.Server.Tests.Web;

/// <summary>samples/browser in Chromium, from an origin of its own. GRADIENTS_REQUIRE_CHROMIUM=1 says that there must be one.</summary>
public sealed partial class BrowserTests
{
    private static readonly string[] Flags =
    [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--virtual-time-budget=120000", "--dump-dom",
    ];

    /// <summary>The tutorial's regression: loss 50/3, dw = −52/3, db = −8; its least squares are y = 3 x + 3.</summary>
    [Fact]
    public async Task A_page_of_another_origin_computes_gradients_and_trains()
    {
        await using var pages = await ServePagesAsync();
        var origin = pages.Urls.Single();
        await using var web = await WebServer.StartAsync(o => o.Web.AllowedOrigins = [origin]);
        var result = await OpenAsync($"{origin}/index.html?server={web.Address.GetLeftPart(UriPartial.Authority)}");
        Assert.False(result.TryGetProperty("failed", out var failed), failed.ToString());
        var evaluated = result.GetProperty("evaluated");
        Assert.Equal(50.0 / 3, evaluated.GetProperty("loss").GetDouble(), 1e-12);
        Assert.Equal(-52.0 / 3, evaluated.GetProperty("dw").GetDouble(), 1e-12);
        Assert.Equal(-8.0, evaluated.GetProperty("db").GetDouble(), 1e-12);
        Assert.Equal(3.0, result.GetProperty("trained").GetProperty("w").GetDouble(), 1e-3);
        Assert.Equal(3.0, result.GetProperty("trained").GetProperty("b").GetDouble(), 1e-3);
        Assert.Matches(@"^\d+\.\d+\.\d+$", result.GetProperty("version").GetString());
        Assert.Equal("EXPRESSION_SYNTAX", result.GetProperty("refused").GetString());
    }

    [Fact]
    public async Task A_page_of_an_origin_that_is_not_allowed_gets_nothing()
    {
        await using var pages = await ServePagesAsync();
        await using var web = await WebServer.StartAsync(o => o.Web.AllowedOrigins = ["https://other.test"]);
        var result = await OpenAsync($"{pages.Urls.Single()}/index.html?server={web.Address.GetLeftPart(UriPartial.Authority)}");
        Assert.Contains("Failed to fetch", result.GetProperty("failed").GetString(), StringComparison.Ordinal);
    }

    private static async Task<WebApplication> ServePagesAsync()
    {
        Assert.SkipWhen(Chromium() is null && Environment.GetEnvironmentVariable("GRADIENTS_REQUIRE_CHROMIUM") != "1", "There is no chromium on the PATH.");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var pages = builder.Build();
        pages.UseStaticFiles(new StaticFileOptions { FileProvider = new PhysicalFileProvider(Path.Combine(Root(), "samples", "browser")) });
        await pages.StartAsync();
        return pages;
    }

    private static async Task<JsonElement> OpenAsync(string url)
    {
        using var profile = new TemporaryFolder();
        var start = new ProcessStartInfo(Chromium() ?? throw new InvalidOperationException("There is no chromium on the PATH.")) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in Flags.Append($"--user-data-dir={profile["chromium"]}").Append(url))
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var cancellation = TestContext.Current.CancellationToken;
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            var dom = await process.StandardOutput.ReadToEndAsync(cancellation).WaitAsync(TimeSpan.FromMinutes(3), cancellation);
            await process.WaitForExitAsync(cancellation);
            var text = Result().Match(dom) is { Success: true } match ? WebUtility.HtmlDecode(match.Groups[1].Value) : "";
            Assert.True(text.StartsWith('{'), $"The page shows {dom}\n{await errors}");
            return JsonDocument.Parse(text).RootElement;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static string? Chromium() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(p => Path.Combine(p, "chromium")).FirstOrDefault(File.Exists);

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder.FullName, "samples")))
            folder = folder.Parent ?? throw new InvalidOperationException("The repository's root is not above the tests.");
        return folder.FullName;
    }

    [GeneratedRegex("<pre id=\"result\">(.*?)</pre>", RegexOptions.Singleline)]
    private static partial Regex Result();
}
