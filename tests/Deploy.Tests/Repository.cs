namespace Gradients.Deploy.Tests;

/// <summary>Files of the repository.</summary>
internal static class Repository
{
    private static readonly string Root = Find();

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    public static string Read(string relative) => File.ReadAllText(PathOf(relative));

    private static string Find()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Gradients.sln")))
            directory = directory.Parent ?? throw new DirectoryNotFoundException("No parent directory holds Gradients.sln.");
        return directory.FullName;
    }
}
