using Gradients.Server.Security;
using Gradients.Testing;

namespace Gradients.Server.Tests.Door;

/// <summary>Keys come and go while the server runs, and end by its clock.</summary>
public sealed class ReloadTests
{
    private const int Unauthenticated = 16;
    private const int Malformed = 3;

    private static readonly TimeSpan Interval = new AuthenticationOptions().RefreshInterval;

    [Fact]
    public async Task A_changed_file_of_keys_is_read_at_the_next_look()
    {
        await using var door = await GuardedServer.StartAsync();
        await File.WriteAllTextAsync(door.KeysFile, GuardedServer.Keys(GuardedServer.Entry("new")));
        Assert.Equal(Unauthenticated, await door.CodeAsync(GuardedServer.Key("new")));
        door.Time.Advance(Interval);
        Assert.Equal(Malformed, await door.CodeAsync(GuardedServer.Key("new")));
        Assert.Equal(Unauthenticated, await door.CodeAsync(GuardedServer.Key("good")));
    }

    /// <summary>So Kubernetes changes secrets: the file stays a link, its target's folder is another.</summary>
    [Fact]
    public async Task A_link_to_another_folder_is_a_change()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a right there.");
        using var folder = new TemporaryFolder();
        foreach (var (version, id) in new[] { ("v1", "one"), ("v2", "two") })
        {
            Directory.CreateDirectory(folder[version]);
            await File.WriteAllTextAsync(Path.Combine(folder[version], "keys.json"), GuardedServer.Keys(GuardedServer.Entry(id)));
        }

        Directory.CreateSymbolicLink(folder["data"], "v1");
        File.CreateSymbolicLink(folder["keys.json"], Path.Combine("data", "keys.json"));
        await using var door = await GuardedServer.StartAsync(a => a.ApiKeysFile = folder["keys.json"]);
        Assert.Equal(Malformed, await door.CodeAsync(GuardedServer.Key("one")));
        Directory.Delete(folder["data"]);
        Directory.CreateSymbolicLink(folder["data"], "v2");
        door.Time.Advance(Interval);
        Assert.Equal(Unauthenticated, await door.CodeAsync(GuardedServer.Key("one")));
        Assert.Equal(Malformed, await door.CodeAsync(GuardedServer.Key("two")));
    }

    [Fact]
    public async Task A_broken_or_missing_file_leaves_the_keys_as_they_were_and_is_logged_once()
    {
        using var log = new RecordedLog();
        await using var door = await GuardedServer.StartAsync(configure: log.Attach);
        await File.WriteAllTextAsync(door.KeysFile, """{"keys":[{"id":"half""");
        door.Time.Advance(Interval);
        door.Time.Advance(Interval);
        Assert.Equal(Malformed, await door.CodeAsync(GuardedServer.Key("good")));
        Assert.Contains("Authentication:ApiKeysFile not reloaded", Assert.Single(log.With(1303)), StringComparison.Ordinal);
        File.Delete(door.KeysFile);
        door.Time.Advance(Interval);
        Assert.Equal(Malformed, await door.CodeAsync(GuardedServer.Key("good")));
        Assert.Equal(2, log.With(1303).Count);
        await File.WriteAllTextAsync(door.KeysFile, GuardedServer.Keys());
        door.Time.Advance(Interval);
        Assert.Equal(Unauthenticated, await door.CodeAsync(GuardedServer.Key("good")));
        Assert.Single(log.With(1302));
    }

    [Fact]
    public async Task A_changed_key_set_is_read_at_the_next_look()
    {
        await using var door = await GuardedServer.StartAsync();
        using var other = new Issuer();
        await File.WriteAllTextAsync(door.KeySetFile, other.KeySet());
        door.Time.Advance(Interval);
        Assert.Equal(Malformed, await door.CodeAsync(other.Rsa(door.Claims())));
        Assert.Equal(Unauthenticated, await door.CodeAsync(door.Issuer.Rsa(door.Claims())));
        await File.WriteAllTextAsync(door.KeySetFile, """{"keys":[]}""");
        door.Time.Advance(Interval);
        Assert.Equal(Malformed, await door.CodeAsync(other.Rsa(door.Claims())));
    }

    [Fact]
    public async Task Keys_and_tokens_end_by_the_servers_clock()
    {
        await using var door = await GuardedServer.StartAsync();
        var token = door.Issuer.Rsa(door.Claims());
        Assert.Equal(Malformed, await door.CodeAsync(token));
        door.Time.Advance(TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(29));
        Assert.Equal(Malformed, await door.CodeAsync(token));
        door.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Unauthenticated, await door.CodeAsync(token));
        Assert.Equal(Malformed, await door.CodeAsync(GuardedServer.Key("brief")));
        door.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(Unauthenticated, await door.CodeAsync(GuardedServer.Key("brief")));
    }

    [Fact]
    public async Task A_key_set_is_downloaded_at_the_start_and_again()
    {
        await using var issuer = await KeySetServer.StartAsync();
        await using var door = await GuardedServer.StartAsync(a => (a.Jwt.JwksFile, a.Jwt.JwksUrl) = (null, issuer.Address));
        using var first = new Issuer();
        Assert.Equal(Unauthenticated, await door.CodeAsync(first.Rsa(door.Claims())));
        issuer.Content = first.KeySet();
        door.Time.Advance(Interval);
        await EventuallyAsync(door, first, Malformed);

        using var second = new Issuer();
        issuer.Content = second.KeySet();
        door.Time.Advance(new JwtOptions().JwksRefreshInterval);
        await EventuallyAsync(door, second, Malformed);
        Assert.Equal(Unauthenticated, await door.CodeAsync(first.Rsa(door.Claims())));
        issuer.Content = null;
        door.Time.Advance(new JwtOptions().JwksRefreshInterval);
        await Eventually.HoldsAsync(() => issuer.Refused == 2);
        Assert.Equal(Malformed, await door.CodeAsync(second.Rsa(door.Claims())));
    }

    private static async Task EventuallyAsync(GuardedServer door, Issuer issuer, int code)
    {
        var reached = new TaskCompletionSource();
        await Eventually.DrivenAsync(reached.Task, async () =>
        {
            if (await door.CodeAsync(issuer.Rsa(door.Claims())) == code)
                reached.TrySetResult();
        });
    }
}
