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

    /// <summary>Each row's elements lie side by side somewhere, as those of a repeated row do: read in place.</summary>
    Row,

    /// <summary>One element for each row: spread over a register row by row.</summary>
    RowSplat,

    /// <summary>Any other strides: gathered into a register tile by tile.</summary>
    Strided,
}

/// <param name="Register">Where a splat or strided operand is put; unused for those read in place.</param>
internal readonly record struct FusedInput(ReadMode Mode, Layout Layout, int ElementSize, int Register);

/// <param name="Target">Where in the table of addresses the result goes.</param>
internal readonly record struct FusedStep(TileFunction Function, int OperandCount, int Target);

/// <summary>
/// A chain of elementwise ops over one iteration shape, run tile by tile: the tiles of all its intermediate values stay in
/// L1 and only what is used outside is written. Where operands are broadcast along rows, no tile crosses the end of a row.
/// Each op is computed as it would be alone, so fusing never changes bits.
/// </summary>
internal sealed unsafe class FusedKernel : Kernel
{
    private const int MaxTile = 1024;
    private const int TilesPerUnit = 32;

    private readonly FusedInput[] _inputs;
    private readonly int[] _splats;
    private readonly int[] _strided;
    private readonly int[] _direct;
    private readonly int[] _rows;
    private readonly FusedStep[] _steps;
    private readonly ushort[] _operands;
    private readonly int[] _outputSizes;
    private readonly int _registers;
    private readonly long _count;
    private readonly long _rowLength;
    private readonly int _outerDimensions;
    private readonly int _tile;
    private readonly int _registerBytes;
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
        _strided = Where(inputs, i => i.Mode == ReadMode.Strided);
        _direct = Where(inputs, i => i.Mode == ReadMode.Direct);
        _steps = steps;
        _operands = operands;
        _maxOperands = steps.Max(s => s.OperandCount);
        _outputSizes = outputSizes;
        _registers = registers;
        _count = shape.ElementCount;

        // All registers together stay within 24 KB of the first-level cache.
        _tile = MaxTile;
        while (_tile > 128 && (long)_tile * registerSize * registers > 24 * 1024)
            _tile /= 2;
        _tile = (int)Math.Min(_tile, (_count + 63) / 64 * 64);
        _registerBytes = _tile * registerSize;
        WorkspaceBytes = (long)registers * _registerBytes;
        UnitCount = _count == 0 ? 0 : (_count + ((long)_tile * TilesPerUnit) - 1) / ((long)_tile * TilesPerUnit);
        Flops = (double)_count * steps.Length;
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var start = unit * TilesPerUnit * _tile;
        Spread(arguments);
        RunRange(arguments, start, Math.Min(_count - start, (long)TilesPerUnit * _tile));
    }

    /// <summary>Spreads the operands of one element over their registers; once before ranges are run with this workspace.</summary>
    public void Spread(in KernelArguments arguments)
    {
        foreach (var i in _splats)
            Fill(arguments.Inputs[i], Register((byte*)arguments.Workspace, _inputs[i].Register), _inputs[i].ElementSize, _tile);
    }

    /// <summary>Computes the elements [start, start + count) in row-major order.</summary>
    public void RunRange(in KernelArguments arguments, long start, long count)
    {
        var workspace = (byte*)arguments.Workspace;
        var operands = stackalloc void*[_maxOperands];
        var table = stackalloc byte*[_inputs.Length + _outputSizes.Length + _registers];
        for (var i = 0; i < _registers; i++)
            table[_inputs.Length + _outputSizes.Length + i] = Register(workspace, i);
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

            foreach (var i in _direct)
                table[i] = (byte*)arguments.Inputs[i] + (start * _inputs[i].ElementSize);
            for (var i = 0; i < _outputSizes.Length; i++)
                table[_inputs.Length + i] = (byte*)arguments.Outputs[i] + (start * _outputSizes[i]);
            RunTile(arguments, workspace, operands, table, start, tile);
            start += tile;
        }
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

    private void RunTile(in KernelArguments arguments, byte* workspace, void** operands, byte** table, long start, int count)
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
}
