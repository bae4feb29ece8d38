using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Gradients.Benchmarks.Peers;

/// <summary>
/// libtorch, which is half a gigabyte: a project of its own holds it, and is loaded when it has been built
/// (<c>dotnet build -c Release tests/Peers</c>).
/// </summary>
internal static partial class Libtorch
{
    private const int Now = 2;
    private const int Global = 0x100;

    /// <summary>The peer, or why there is none.</summary>
    public static (IPeer? Peer, string State) Load()
    {
        // The sources of this project, from its output folder.
        var folder = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../Peers/bin/Release/net10.0/linux-x64"));
        var file = Path.Combine(folder, "Gradients.Peers.dll");
        if (!File.Exists(file))
            return (null, "libtorch: not built; dotnet build -c Release tests/Peers");
        try
        {
            // The symbol must be in the global scope before the library that wants it is opened.
            var shim = Path.Combine(folder, "shim.so");
            if (File.Exists(shim) && Open(shim, Now | Global) == 0)
                return (null, $"libtorch: {shim} cannot be opened");
            AssemblyLoadContext.Default.Resolving += (context, name) =>
                Path.Combine(folder, name.Name + ".dll") is var path && File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
            var assembly = AssemblyLoadContext.Default.LoadFromAssemblyPath(file);
            var peer = (IPeer)Activator.CreateInstance(assembly.GetType("Gradients.Peers.Torch", throwOnError: true)!)!;
            return (peer, peer.Name);
        }
        catch (Exception e) when (e is TargetInvocationException or TypeInitializationException or DllNotFoundException or BadImageFormatException or FileLoadException or NotSupportedException)
        {
            return (null, $"libtorch: not loaded: {e.InnerException?.Message ?? e.Message}");
        }
    }

    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string file, int flags);
}
