using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Gradients.Benchmarks.Wire;

/// <summary>
/// Nothing but a socket: the limit. A request is a letter and a length. <c>U</c> is followed by so many bytes, which are kept and
/// answered with one byte; <c>D</c> is answered with so many bytes of them.
/// </summary>
internal static class RawSocketServer
{
    public const byte Upload = (byte)'U';
    public const byte Download = (byte)'D';
    public const int HeaderBytes = 9;

    /// <summary>Accepts connections, a thread each, until the socket is closed.</summary>
    public static void Start(Socket listener) => new Thread(() => Accept(listener)) { IsBackground = true }.Start();

    public static Socket Listen(EndPoint endpoint)
    {
        var socket = Create(endpoint);
        socket.Bind(endpoint);
        socket.Listen();
        return socket;
    }

    public static Socket Create(EndPoint endpoint) => endpoint is IPEndPoint
        ? new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
        : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>Fills the buffer; false when the other side has closed.</summary>
    public static bool Fill(Socket socket, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var received = socket.Receive(buffer);
            if (received == 0)
                return false;
            buffer = buffer[received..];
        }

        return true;
    }

    private static void Accept(Socket listener)
    {
        try
        {
            while (true)
            {
                var connection = listener.Accept();
                new Thread(() => Serve(connection)) { IsBackground = true }.Start();
            }
        }
        catch (SocketException)
        {
            // Closed.
        }
    }

    private static void Serve(Socket connection)
    {
        using var socket = connection;
        Span<byte> header = stackalloc byte[HeaderBytes];
        byte[] kept = [];
        try
        {
            while (Fill(socket, header))
            {
                var length = checked((int)BinaryPrimitives.ReadInt64LittleEndian(header[1..]));
                if (kept.Length < length)
                    kept = GC.AllocateUninitializedArray<byte>(length);
                if (header[0] == Download)
                    socket.Send(kept.AsSpan(0, length));
                else if (Fill(socket, kept.AsSpan(0, length)))
                    socket.Send([1]);
            }
        }
        catch (SocketException)
        {
            // The client is gone.
        }
    }
}
