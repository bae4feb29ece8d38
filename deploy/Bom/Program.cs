using Gradients.Bom;

switch (args)
{
    case ["sbom", var lockFile, var output]:
        var version = typeof(Package).Assembly.GetName().Version!.ToString(3);
        File.WriteAllText(output, CycloneDx.Write("gradients", version, LockFile.Read(lockFile, new PackageFolder())));
        return 0;
    case ["list", var root, var output]:
        File.WriteAllText(output, DependencyList.Write(root, new PackageFolder()));
        return 0;
    default:
        Console.Error.WriteLine("gradients-bom sbom LOCK_FILE OUTPUT | list ROOT OUTPUT");
        return 2;
}
