using System.Net.Sockets;

namespace Gradients.Server.Hosting;

/// <summary>The file of a Unix domain socket. It goes with the socket that was bound to it.</summary>
internal static class SocketFile
{
    /// <summary>What an address of the kind holds on every system, its end included.</summary>
    public const int MaxPathBytes = 104;

    /// <summary>Binds a socket that nobody can connect to before it has its permissions: it does not listen yet.</summary>
    /// <exception cref="IOException">Another server listens there, or something else has the name.</exception>
    public static Socket Bind(UnixDomainSocketEndPoint endPoint, string path, UnixFileMode mode)
    {
        RemoveStale(endPoint, path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(endPoint);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, mode);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A server that was killed leaves its file behind, which is empty and refuses connections.</summary>
    private static void RemoveStale(UnixDomainSocketEndPoint endPoint, string path)
    {
        if (!File.Exists(path))
            return;
        if (new FileInfo(path).Length > 0)
            throw new IOException($"SocketPath {path} is a file with content.");
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(endPoint);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }

        throw new IOException($"SocketPath {path} is in use by another server.");
    }
}
