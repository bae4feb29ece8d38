using System.Runtime.Intrinsics;
using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Compilation;

/// <summary>How a fused group reads an operand that comes from memory.</summary>
internal enum ReadMode : byte
{
    /// <summary>The iteration's own elements in order: read in place.</summary>
    Direct,

    /// <summary>One element for all: spread over a register once a unit.</summary>
    Splat,

    /// <summary>
    /// The same few elements over and over, as those of a bias: written out once a unit for longer than a tile, so that tiles begin
    /// anywhere, unless they are whole cache lines and enough to call a lone step's loop for.
    /// </summary>
    Repeated,

    /// <summary>Each row's elements lie side by side somewhere: read in place.</summary>
    Row,

    /// <summary>One element for each row: spread over a register row by row.</summary>
    RowSplat,

    /// <summary>Any other strides: gathered into a register tile by tile.</summary>
    Strided,
}

/// <param name="Register">Where a splat or strided operand is put; −1 for the others.</param>
/// <param name="Period">How many elements are repeated.</param>
internal readonly record struct FusedInput(ReadMode Mode, Layout Layout, int ElementSize, int Register, int Period = 0);

/// <param name="Ops">How many ops the function computes.</param>
/// <param name="Target">Where in the table of addresses the result goes.</param>
internal readonly record struct FusedStep(TileFunction Function, int Ops, int OperandCount, int Target);

/// <summary>
/// A chain of elementwise ops over one iteration shape, run tile by tile: the tiles of its intermediate values stay in L1, or
/// never leave a register where two ops are one step, and only what is used outside is written. Where operands are read row by
/// row, no tile crosses the end of a row. A lone step makes no tiles where its loop can read all operands in place. Each op is
/// computed as it would be alone, so fusing never changes bits.
/// </summary>
internal sealed unsafe class FusedKernel : Kernel
{
    private const int MaxTile = 1024;
    private const int TilesPerUnit = 32;

    // Elements that are read in place by one call.
    private const int MaxWidth = 1 << 20;

    // Where nothing goes from step to step, longer tiles do not leave the first-level cache and cost less to start.
    private const int MaxSingleTile = 2048;
    private const int MinRepeatedTile = 256;

    // To call the loop for each period takes less than to write the operand out only if the period is long.
    private const int MinPeriodInPlace = 256;

    // Along with so much, little of what is written stays in a core's share of the last-level cache until something reads it.
    private const long MinStreamedBytes = 32 << 20;

    private readonly FusedInput[] _inputs;
    private readonly int[] _splats;
    private readonly int[] _repeated;
    private readonly int[] _strided;
    private readonly int[] _direct;
    private readonly int[] _rows;
    private readonly FusedStep[] _steps;
    private readonly ushort[] _operands;
    private readonly int[] _outputSizes;

    // For each operand of a lone step the input that it is.
    private readonly int[] _lone;
    private readonly int _registers;
    private readonly long _count;
    private readonly long _rowLength;
    private readonly int _outerDimensions;
    private readonly int _tile;
    private readonly int[] _repetitions;
    private readonly int _registerBytes;
    private readonly int _unitElements;
    private readonly int _maxOperands;

    /// <param name="rowLength">Elements of a row for operands that are read by rows; 0 where none is.</param>
    /// <param name="operands">Of all steps in order: indices in the table of addresses, where inputs stand first, then outputs, then registers.</param>
    /// <param name="registerSize">Bytes of the largest element that a register holds.</param>
    public FusedKernel(Shape shape, long rowLength, FusedInput[] inputs, FusedStep[] steps, ushort[] operands, int[] outputSizes, int registers, int registerSize)
    {
        _rowLength = rowLength;
        _outerDimensions = shape.Rank;
        for (long inner = 1; inner < rowLength;)
            inner *= shape[--_outerDimensions];
        _rows = Where(inputs, i => i.Mode is ReadMode.Row or ReadMode.RowSplat);
        _inputs = inputs;
        _splats = Where(inputs, i => i.Mode == ReadMode.Splat);
        _repeated = Where(inputs, i => i.Mode == ReadMode.Repeated);
        _strided = Where(inputs, i => i.Mode == ReadMode.Strided);
        _direct = Where(inputs, i => i.Mode == ReadMode.Direct);
        _steps = steps;
        _operands = operands;
        _maxOperands = steps.Max(s => s.OperandCount);
        _outputSizes = outputSizes;
        _count = shape.ElementCount;
        _lone = steps.Length > 1 ? [] : Array.ConvertAll(operands, o => o < inputs.Length ? o : Array.FindIndex(inputs, i => i.Register == o - inputs.Length - outputSizes.Length));
        InPlace = LengthInPlace();
        registers = InPlace > 0 ? 0 : registers;
        _registers = registers;

        // All registers together stay within 24 KB of the first-level cache.
        _tile = steps.Length == 1 ? MaxSingleTile : MaxTile;
        while (_tile > 128 && (long)_tile * registerSize * registers > 24 * 1024)
            _tile /= 2;

        // What is repeated is written out a tile long, which few tiles would not make up for.
        var longest = _repeated.Length == 0 || InPlace > 0 ? _count : Math.Max(MinRepeatedTile, _count / 4);
        _tile = (int)Math.Min(_tile, (Math.Min(longest, _count) + 63) / 64 * 64);
        _registerBytes = _tile * registerSize;
        _repetitions = new int[InPlace > 0 ? 0 : _repeated.Length];
        var bytes = registers * _registerBytes;
        for (var i = 0; i < _repetitions.Length; i++)
        {
            _repetitions[i] = bytes;
            bytes += RepetitionBytes(inputs[_repeated[i]]);
        }

        WorkspaceBytes = bytes;
        _unitElements = TilesPerUnit * Math.Min(_tile, MaxTile);
        UnitCount = _count == 0 ? 0 : (_count + _unitElements - 1) / _unitElements;
        Flops = (double)_count * steps.Sum(s => s.Ops);

        // A step behind others reads them from the first-level cache, in bursts between which streaming gains nothing.
        Streams = steps.Length == 1 && steps[0].Function.Rows != null && _count * (outputSizes[0] + _direct.Sum(i => (long)inputs[i].ElementSize)) >= MinStreamedBytes;
    }

    /// <summary>Elements in whose length each operand of a lone step is read in place: a row, a period or all; 0 where tiles are made.</summary>
    public long InPlace { get; }

    /// <summary>Whether what it writes goes past the caches, unless it is written over an input.</summary>
    public bool Streams { get; }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var start = unit * _unitElements;
        Spread(arguments);
        RunRange(arguments, start, Math.Min(_count - start, _unitElements));
    }

    /// <summary>Writes out the operands that are the same for all tiles; once before ranges are run with this workspace.</summary>
    public void Spread(in KernelArguments arguments)
    {
        if (InPlace > 0)
            return;
        var workspace = (byte*)arguments.Workspace;
        foreach (var i in _splats)
            Fill(arguments.Inputs[i], Register(workspace, _inputs[i].Register), _inputs[i].ElementSize, _tile);
        for (var r = 0; r < _repetitions.Length; r++)
        {
            ref readonly var input = ref _inputs[_repeated[r]];
            Repeat(arguments.Inputs[_repeated[r]], workspace + _repetitions[r], input.Period * input.ElementSize, RepetitionBytes(input));
        }
    }

    /// <summary>Computes the elements [start, start + count) in row-major order.</summary>
    public void RunRange(in KernelArguments arguments, long start, long count)
    {
        if (InPlace > 0)
            RunInPlace(arguments, start, count);
        else
            RunTiles(arguments, start, count);
    }

    private long LengthInPlace()
    {
        ref readonly var step = ref _steps[0];
        if (_steps.Length > 1 || step.Function.Rows == null || _strided.Length > 0)
            return 0;
        var splats = 0;
        for (var i = 0; i < step.OperandCount; i++)
            splats += _inputs[_lone[i]].Mode is ReadMode.Splat or ReadMode.RowSplat ? 1 : 0;

        // Scalar operands the just-in-time compiler exchanges in one loop and not in another, and of two NaNs the other comes out.
        if (splats > 1 || (splats == 1 && (step.OperandCount != 2 || !Vector128.IsHardwareAccelerated)))
            return 0;
        if (_repeated.Length > 0)
            return splats == 0 && _rows.Length == 0 ? PeriodInPlace() : 0;
        return _rows.Length > 0 ? _rowLength : _count;
    }

    private int PeriodInPlace()
    {
        var period = _inputs[_repeated[0]].Period;
        foreach (var i in _repeated)
        {
            if (_inputs[i].Period != period || period * _inputs[i].ElementSize % Prefetch.CacheLine != 0)
                return 0;
        }

        return period >= MinPeriodInPlace ? period : 0;
    }

    private void RunInPlace(in KernelArguments arguments, long start, long count)
    {
        var streams = Streams && !Overwrites(arguments);
        ref readonly var step = ref _steps[0];
        var operands = stackalloc void*[step.OperandCount];
        var strides = stackalloc nint[step.OperandCount];
        var (row, column) = Math.DivRem(start, InPlace);
        for (var end = start + count; start < end;)
        {
            long width = Math.Min(Math.Min(InPlace - column, end - start), MaxWidth), rows = 1;
            if (_repeated.Length > 0 && width == InPlace)
                rows = (end - start) / width;
            for (var i = 0; i < step.OperandCount; i++)
            {
                var index = _lone[i];
                ref readonly var input = ref _inputs[index];
                (var offset, strides[i]) = input.Mode switch
                {
                    ReadMode.Direct => (start, (nint)width),
                    ReadMode.Repeated => (column, 0),
                    ReadMode.Row => (RowOffset(input.Layout, row) + column, (nint)width),
                    ReadMode.RowSplat => (RowOffset(input.Layout, row), TileFunction.Splat),
                    _ => (0, TileFunction.Splat),
                };
                operands[i] = (byte*)arguments.Inputs[index] + (offset * input.ElementSize);
            }

            step.Function.Rows(operands, strides, (byte*)arguments.Outputs[0] + (start * _outputSizes[0]), (int)width, (int)rows, streams);
            start += width * rows;
            column += width;
            if (column == InPlace)
                (row, column) = (row + rows, 0);
        }

        if (streams)
            StreamingStore.Fence();
    }

    private void RunTiles(in KernelArguments arguments, long start, long count)
    {
        var workspace = (byte*)arguments.Workspace;
        var operands = stackalloc void*[_maxOperands];
        var table = stackalloc byte*[_inputs.Length + _outputSizes.Length + _registers];
        for (var i = 0; i < _registers; i++)
            table[_inputs.Length + _outputSizes.Length + i] = Register(workspace, i);
        var streams = Streams && !Overwrites(arguments);
        var (row, column) = _rowLength > 0 ? Math.DivRem(start, _rowLength) : default;
        for (var end = start + count; start < end;)
        {
            var tile = (int)Math.Min(_tile, end - start);
            if (_rowLength > 0)
            {
                tile = (int)Math.Min(tile, _rowLength - column);
                ReadRows(arguments, workspace, table, row, column, tile);
                column += tile;
                if (column == _rowLength)
                    (row, column) = (row + 1, 0);
            }

            for (var r = 0; r < _repeated.Length; r++)
            {
                ref readonly var input = ref _inputs[_repeated[r]];
                table[_repeated[r]] = workspace + _repetitions[r] + (start % input.Period * input.ElementSize);
            }

            foreach (var i in _direct)
                table[i] = (byte*)arguments.Inputs[i] + (start * _inputs[i].ElementSize);
            for (var i = 0; i < _outputSizes.Length; i++)
                table[_inputs.Length + i] = (byte*)arguments.Outputs[i] + (start * _outputSizes[i]);
            RunTile(arguments, workspace, operands, table, start, tile, streams);
            start += tile;
        }

        if (streams)
            StreamingStore.Fence();
    }

    /// <summary>Whether the output is written over an input, which has brought it to the caches.</summary>
    private bool Overwrites(in KernelArguments arguments)
    {
        foreach (var i in _direct)
        {
            if (arguments.Inputs[i] == arguments.Outputs[0])
                return true;
        }

        return false;
    }

    private void ReadRows(in KernelArguments arguments, byte* workspace, byte** table, long row, long column, int count)
    {
        foreach (var i in _rows)
        {
            ref readonly var input = ref _inputs[i];
            var first = (byte*)arguments.Inputs[i] + (RowOffset(input.Layout, row) * input.ElementSize);
            if (input.Mode == ReadMode.Row)
                table[i] = first + (column * input.ElementSize);
            else
                Fill(first, Register(workspace, input.Register), input.ElementSize, count);
        }
    }

    /// <summary>Where a row begins: its index over the dimensions before those that make up a row.</summary>
    private long RowOffset(Layout layout, long row)
    {
        long offset = 0;
        for (var d = _outerDimensions - 1; d >= 0 && row > 0; d--)
        {
            (row, var index) = d > 0 ? Math.DivRem(row, layout.Shape[d]) : (0, row);
            offset += index * layout.Strides[d];
        }

        return offset;
    }

    private void RunTile(in KernelArguments arguments, byte* workspace, void** operands, byte** table, long start, int count, bool streams)
    {
        foreach (var i in _strided)
        {
            // The copy indexes its target like the whole iteration: the register stands where the tile starts.
            ref readonly var input = ref _inputs[i];
            var target = Register(workspace, input.Register) - (start * input.ElementSize);
            StridedCopy.Gather(arguments.Inputs[i], input.Layout.Shape.Dimensions, input.Layout.Strides, target, input.ElementSize, start, count);
        }

        var next = 0;
        foreach (ref readonly var step in _steps.AsSpan())
        {
            for (var i = 0; i < step.OperandCount; i++)
                operands[i] = table[_operands[next++]];
            if (streams)
                step.Function.Rows(operands, null, table[step.Target], count, 1, true);
            else
                step.Function.Pointer(operands, step.OperandCount, table[step.Target], count);
        }
    }

    private static int[] Where(FusedInput[] inputs, Predicate<FusedInput> predicate)
    {
        Span<int> found = inputs.Length <= 256 ? stackalloc int[inputs.Length] : new int[inputs.Length];
        var count = 0;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (predicate(inputs[i]))
                found[count++] = i;
        }

        return found[..count].ToArray();
    }

    private byte* Register(byte* workspace, int register) => workspace + ((long)register * _registerBytes);

    private static void Fill(void* element, byte* target, int size, int count)
    {
        switch (size)
        {
            case 1:
                new Span<byte>(target, count).Fill(*(byte*)element);
                break;
            case 4:
                new Span<uint>(target, count).Fill(*(uint*)element);
                break;
            default:
                new Span<ulong>(target, count).Fill(*(ulong*)element);
                break;
        }
    }

    /// <summary>A tile that begins anywhere in the period, in whole cache lines.</summary>
    private int RepetitionBytes(in FusedInput input) => (((_tile + input.Period) * input.ElementSize) + 63) / 64 * 64;

    /// <summary>Repeats the first bytes as often as there is room.</summary>
    private static void Repeat(void* first, byte* target, int period, int bytes)
    {
        new ReadOnlySpan<byte>(first, period).CopyTo(new Span<byte>(target, bytes));
        for (var filled = period; filled < bytes; filled *= 2)
            new ReadOnlySpan<byte>(target, Math.Min(filled, bytes - filled)).CopyTo(new Span<byte>(target + filled, bytes - filled));
    }
}
