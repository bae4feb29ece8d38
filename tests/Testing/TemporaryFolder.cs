namespace Gradients.Testing;

/// <summary>A folder that ends with the test, or with the process.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("gradients-test-").FullName;

    public TemporaryFolder() => AppDomain.CurrentDomain.ProcessExit += Delete;

    /// <summary>The path of a file in the folder.</summary>
    public string this[string name] => Path.Combine(_path, name);

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= Delete;
        Directory.Delete(_path, recursive: true);
    }

    private void Delete(object? sender, EventArgs e) => Directory.Delete(_path, recursive: true);
}
