using System.Buffers;
using System.Security.Cryptography;

namespace Gradients.Server.Sessions;

/// <summary>Hashes what is written to it, block by block.</summary>
internal sealed class HashWriter(IncrementalHash hash) : IBufferWriter<byte>
{
    private const int BlockBytes = 4096;

    private byte[] _block = new byte[BlockBytes];

    public void Advance(int count) => hash.AppendData(_block, 0, count);

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (sizeHint > _block.Length)
            _block = new byte[sizeHint];
        return _block;
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
}
