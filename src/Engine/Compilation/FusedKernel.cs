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
internal sealed record FusedInput(ReadMode Mode, Layout Layout, int ElementSize, int Register);

/// <param name="Operands">For each operand: a register, or −1 − i for the direct input i.</param>
/// <param name="Register">Where the result goes, or −1 − i for output i in memory.</param>
internal sealed record FusedStep(TileFunction Function, int[] Operands, int Register);

/// <summary>
/// A chain of elementwise ops over one iteration shape, run tile by tile: the tiles of all its intermediate values stay in
/// L1 and only what is used outside is written. Where operands are broadcast along rows, no tile crosses the end of a row.
/// Each op is computed as it would be alone, so fusing never changes bits.
/// </summary>
internal sealed unsafe class FusedKernel : Kernel
{
    private const int TilesPerUnit = 32;

    private readonly FusedInput[] _inputs;
    private readonly int[] _splats;
    private readonly int[] _strided;
    private readonly int[] _rows;
    private readonly Step[] _steps;
    private readonly Place[] _operands;
    private readonly long _count;
    private readonly long _rowLength;
    private readonly int _tile;
    private readonly int _registerBytes;
    private readonly int _maxOperands;

    /// <param name="rowLength">Elements of a row for operands that are read by rows; 0 where none is.</param>
    public FusedKernel(Shape shape, long rowLength, FusedInput[] inputs, FusedStep[] steps, int[] outputSizes, int registers)
    {
        _rowLength = rowLength;
        _rows = [.. Enumerable.Range(0, inputs.Length).Where(i => inputs[i].Mode is ReadMode.Row or ReadMode.RowSplat)];
        _inputs = inputs;
        _splats = [.. Enumerable.Range(0, inputs.Length).Where(i => inputs[i].Mode == ReadMode.Splat)];
        _strided = [.. Enumerable.Range(0, inputs.Length).Where(i => inputs[i].Mode == ReadMode.Strided)];
        _count = shape.ElementCount;
        _maxOperands = steps.Max(s => s.Operands.Length);

        // All registers together stay within 24 KB of the first-level cache.
        _tile = 1024;
        while (_tile > 128 && _tile * 8L * registers > 24 * 1024)
            _tile /= 2;
        _tile = (int)Math.Min(_tile, (_count + 63) / 64 * 64);
        _registerBytes = _tile * 8;
        WorkspaceBytes = (long)registers * _registerBytes;
        _operands = [.. steps.SelectMany(s => s.Operands.Select(PlaceOf))];

        // A result in output i is named −1 − i, as an operand it is named behind the inputs.
        _steps = Array.ConvertAll(steps, s => new Step(s.Function, s.Operands.Length, PlaceOf(s.Register >= 0 ? s.Register : s.Register - inputs.Length)));
        UnitCount = _count == 0 ? 0 : (_count + ((long)_tile * TilesPerUnit) - 1) / ((long)_tile * TilesPerUnit);
        Flops = (double)_count * steps.Length;

        Place PlaceOf(int operand)
        {
            System.Diagnostics.Debug.Assert(operand < registers, "A register is outside the workspace.");
            if (operand >= 0)
                return new Place(Base.Workspace, 0, (long)operand * _registerBytes, 0);
            var index = -1 - operand;
            return index < inputs.Length && inputs[index].Mode == ReadMode.Row ? new Place(Base.Row, index, 0, 0)
                : index < inputs.Length ? new Place(Base.Input, index, 0, inputs[index].ElementSize)
                : new Place(Base.Output, index - inputs.Length, 0, outputSizes[index - inputs.Length]);
        }
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
        var rows = stackalloc void*[_rowLength > 0 ? _inputs.Length : 0];
        for (var end = start + count; start < end;)
        {
            var tile = (int)Math.Min(_tile, end - start);
            if (_rowLength > 0)
            {
                var (row, column) = Math.DivRem(start, _rowLength);
                tile = (int)Math.Min(tile, _rowLength - column);
                ReadRows(arguments, workspace, rows, row, column, tile);
            }

            RunTile(arguments, workspace, operands, rows, start, tile);
            start += tile;
        }
    }

    private void ReadRows(in KernelArguments arguments, byte* workspace, void** rows, long row, long column, int count)
    {
        foreach (var i in _rows)
        {
            var input = _inputs[i];
            var first = (byte*)arguments.Inputs[i] + (RowOffset(input.Layout, row) * input.ElementSize);
            if (input.Mode == ReadMode.Row)
                rows[i] = first + (column * input.ElementSize);
            else
                Fill(first, Register(workspace, input.Register), input.ElementSize, count);
        }
    }

    /// <summary>Where a row begins: its index over the dimensions before those that make up a row.</summary>
    private long RowOffset(Layout layout, long row)
    {
        var dimensions = layout.Shape.Dimensions;
        var d = dimensions.Length - 1;
        for (long inner = 1; inner < _rowLength; d--)
            inner *= dimensions[d];
        long offset = 0;
        for (; d >= 0 && row > 0; d--)
        {
            (row, var index) = Math.DivRem(row, dimensions[d]);
            offset += index * layout.Strides[d];
        }

        return offset;
    }

    private void RunTile(in KernelArguments arguments, byte* workspace, void** operands, void** rows, long start, int count)
    {
        foreach (var i in _strided)
        {
            // The copy indexes its target like the whole iteration: the register stands where the tile starts.
            var input = _inputs[i];
            var target = Register(workspace, input.Register) - (start * input.ElementSize);
            StridedCopy.Gather(arguments.Inputs[i], input.Layout.Shape.Dimensions, input.Layout.Strides, target, input.ElementSize, start, count);
        }

        var next = 0;
        foreach (ref readonly var step in _steps.AsSpan())
        {
            for (var i = 0; i < step.OperandCount; i++)
                operands[i] = Address(arguments, rows, _operands[next++], start);
            step.Function.Pointer(operands, step.OperandCount, Address(arguments, rows, step.Target, start), count);
        }
    }

    private static byte* Address(in KernelArguments arguments, void** rows, in Place place, long start) => place.Base switch
    {
        Base.Row => (byte*)rows[place.Index],
        Base.Workspace => (byte*)arguments.Workspace + place.Offset,
        Base.Input => (byte*)arguments.Inputs[place.Index] + (start * place.ElementSize),
        _ => (byte*)arguments.Outputs[place.Index] + (start * place.ElementSize),
    };

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

    private enum Base : byte
    {
        Workspace,
        Input,

        /// <summary>The current row of an input.</summary>
        Row,

        /// <summary>Also read from: an output that an earlier step has written.</summary>
        Output,
    }

    /// <param name="Index">Of the input or output.</param>
    /// <param name="Offset">In the workspace, in bytes.</param>
    /// <param name="ElementSize">By which an input or output moves on from tile to tile; a register does not.</param>
    private readonly record struct Place(Base Base, int Index, long Offset, int ElementSize);

    private readonly record struct Step(TileFunction Function, int OperandCount, Place Target);
}
