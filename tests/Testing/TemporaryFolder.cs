using System.Collections.Concurrent;

namespace Gradients.Testing;

/// <summary>A folder that ends with the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private static readonly ConcurrentDictionary<TemporaryFolder, bool> Living = new();

    private readonly string _path = Directory.CreateTempSubdirectory("gradients-test-").FullName;

    public TemporaryFolder() => Living.TryAdd(this, true);

    /// <summary>The path of a file in the folder.</summary>
    public string this[string name] => Path.Combine(_path, name);

    /// <summary>Deletes what a process leaves that is about to end in the middle; what is still written to stays.</summary>
    public static void DeleteAll()
    {
        foreach (var folder in Living.Keys)
        {
            try
            {
                folder.Dispose();
            }
            catch (IOException)
            {
                // Somebody else deletes or writes in it.
            }
        }
    }

    public void Dispose()
    {
        Living.TryRemove(this, out _);
        Directory.Delete(_path, recursive: true);
    }
}
