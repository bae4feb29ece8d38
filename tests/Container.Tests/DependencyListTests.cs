using Gradients.Bom;

namespace Gradients.Container.Tests;

public sealed class DependencyListTests
{
    [Fact]
    public void Docs_list_the_packages_of_the_lock_files()
    {
        var written = File.ReadAllText(Path.Combine(ServerImage.Root, "docs", "dependencies.md"));
        Assert.Equal(DependencyList.Write(ServerImage.Root, new PackageFolder()), written);
    }
}
