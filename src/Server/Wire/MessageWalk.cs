using System.Buffers;

namespace Gradients.Server.Wire;

/// <summary>
/// Reads a message's bytes record by record, as the parser will, without building anything: nested messages are entered,
/// unknown groups are passed over. It refuses only what the parser refuses. With an output it also copies the message there,
/// where contents can be replaced by shorter ones.
/// </summary>
internal ref struct MessageWalk
{
    private const int MaxDepth = 100;

    [ThreadStatic]
    private static Frame[]? _frames;

    private readonly ReadOnlySequence<byte> _payload;
    private readonly Span<byte> _output;
    private readonly Frame[] _open;
    private SequenceReader<byte> _reader;
    private SequencePosition _copied;
    private long _copiedBytes;
    private long _removed;
    private int _depth;

    // Where the length of the unread record begins.
    private SequencePosition _lengthAt;
    private long _lengthOffset;

    public MessageWalk(MessageTable table, in ReadOnlySequence<byte> payload, Span<byte> output = default)
    {
        _payload = payload;
        _output = output;
        _reader = new SequenceReader<byte>(payload);
        _copied = payload.Start;
        _open = _frames ??= new Frame[MaxDepth + 2];
        _open[0] = new Frame(table, payload.Length, 0, 0, 0, 0, 0);
    }

    /// <summary>What the record is that <see cref="Next"/> moved to. Numbers, texts and contents are still unread.</summary>
    public MessageTable.Field Field { get; private set; }

    /// <summary>True = the record has a length; what it holds is skipped by <see cref="Skip"/>, <see cref="Count"/> or <see cref="Replace"/>.</summary>
    public bool IsDelimited { get; private set; }

    /// <summary>Bytes of an unread record.</summary>
    public int Length { get; private set; }

    /// <summary>Moves to the next record of this message or of one within it; false at the end of all.</summary>
    /// <exception cref="FormatException">The bytes are no message.</exception>
    public bool Next()
    {
        while (_reader.Consumed >= _open[_depth].End && _open[_depth].Group == 0)
        {
            if (_depth == 0)
                return Finish();
            Leave();
        }

        if (_reader.Consumed >= _open[_depth].End)
            throw Malformed();
        var tag = (uint)ReadVarint();
        var number = tag >> 3;
        if (number == 0)
            throw Malformed();
        (Field, IsDelimited) = (default, false);
        switch (tag & 7)
        {
            case 0:
                ReadVarint();
                break;
            case 1:
                Advance(8);
                break;
            case 2:
                ReadDelimited(number);
                break;
            case 3:
                Enter(new Frame(MessageTable.Unknown, _open[_depth].End, 0, 0, 0, 0, number));
                break;
            case 4 when _open[_depth].Group == number:
                _depth--;
                break;
            case 5:
                Advance(4);
                break;
            default:
                throw Malformed();
        }

        return true;
    }

    /// <summary>Passes over the unread record.</summary>
    public void Skip() => Advance(Length);

    /// <summary>Passes over packed numbers and counts them: varints end with a byte below 128.</summary>
    public long Count()
    {
        if (Field.Width != 0)
        {
            Skip();
            return Length / Field.Width;
        }

        long count = 0;
        for (var left = Length; left > 0;)
        {
            var span = _reader.UnreadSpan;
            if (span.Length > left)
                span = span[..left];
            foreach (var b in span)
                count += b < 128 ? 1 : 0;
            _reader.Advance(span.Length);
            left -= span.Length;
        }

        return count;
    }

    /// <summary>Reads the record's bytes into <paramref name="target"/>, which has <see cref="Length"/>.</summary>
    public void Read(scoped Span<byte> target)
    {
        _reader.TryCopyTo(target);
        Advance(target.Length);
    }

    /// <summary>Writes other, fewer bytes, fewer than 128, in the place of the record that was just read.</summary>
    public void Replace(scoped ReadOnlySpan<byte> with)
    {
        CopyUntil(_lengthAt, _lengthOffset);
        var to = (int)(_lengthOffset - _removed);
        _output[to] = (byte)with.Length;
        with.CopyTo(_output[(to + 1)..]);
        _removed += _reader.Consumed - _lengthOffset - with.Length - 1;
        (_copied, _copiedBytes) = (_reader.Position, _reader.Consumed);
    }

    private bool Finish()
    {
        if (!_output.IsEmpty)
            CopyUntil(_payload.End, _payload.Length);
        return false;
    }

    /// <summary>Bytes of the output once the walk is done.</summary>
    public readonly int Written => (int)(_payload.Length - _removed);

    private static FormatException Malformed() => new("The bytes are no message.");

    private void ReadDelimited(uint number)
    {
        (_lengthAt, _lengthOffset) = (_reader.Position, _reader.Consumed);
        Length = (int)ReadVarint();
        if (Length < 0 || Length > _open[_depth].End - _reader.Consumed)
            throw Malformed();
        Field = _open[_depth].Table.Of(number);
        IsDelimited = true;
        if (Field.Kind == MessageTable.FieldKind.Message)
            Enter(new Frame(Field.Message!, _reader.Consumed + Length, _lengthOffset, (int)(_reader.Consumed - _lengthOffset), Length, _removed, 0));
    }

    private void Enter(in Frame frame)
    {
        if (_depth > MaxDepth)
            throw Malformed();
        _open[++_depth] = frame;
    }

    /// <summary>Leaves a message; where contents in it were replaced, its length is written anew in as many bytes as it had.</summary>
    private void Leave()
    {
        ref readonly var frame = ref _open[_depth--];
        var shorter = _removed - frame.RemovedBefore;
        if (shorter == 0)
            return;
        var value = (uint)(frame.Length - shorter);
        var at = (int)(frame.LengthOffset - frame.RemovedBefore);
        for (var i = 0; i < frame.LengthWidth; i++, value >>= 7)
            _output[at + i] = (byte)((value & 127) | (i < frame.LengthWidth - 1 ? 128u : 0));
    }

    private void CopyUntil(SequencePosition end, long endOffset)
    {
        _payload.Slice(_copied, end).CopyTo(_output[(int)(_copiedBytes - _removed)..]);
        (_copied, _copiedBytes) = (end, endOffset);
    }

    private void Advance(long bytes)
    {
        if (bytes > _open[_depth].End - _reader.Consumed)
            throw Malformed();
        _reader.Advance(bytes);
    }

    /// <summary>Up to ten bytes; numbers of 32 bits are the low bits, as the parser reads them.</summary>
    private ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (!_reader.TryRead(out var b))
                throw Malformed();
            if (shift < 64)
                value |= (ulong)(b & 127) << shift;
            if (b >= 128)
                continue;
            if (_reader.Consumed > _open[_depth].End)
                throw Malformed();
            return value;
        }

        throw Malformed();
    }

    /// <param name="Group">The number of an unknown group; 0 = a message.</param>
    private readonly record struct Frame(MessageTable Table, long End, long LengthOffset, int LengthWidth, int Length, long RemovedBefore, uint Group);
}
