using System.Buffers;

namespace Gradients.Testing;

/// <summary>Bytes as a connection delivers them: in pieces.</summary>
public static class Pieces
{
    /// <param name="cuts">Where a piece ends, increasing.</param>
    public static ReadOnlySequence<byte> Of(byte[] bytes, params ReadOnlySpan<int> cuts)
    {
        var first = new Piece(bytes.AsMemory(0, cuts.Length == 0 ? bytes.Length : cuts[0]), null);
        var last = first;
        for (var i = 0; i < cuts.Length; i++)
            last = new Piece(bytes.AsMemory(cuts[i]..(i + 1 < cuts.Length ? cuts[i + 1] : bytes.Length)), last);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            if (before is null)
                return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
