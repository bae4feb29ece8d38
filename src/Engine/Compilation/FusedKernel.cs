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

    /// <summary>Any other strides: gathered into a register tile by tile.</summary>
    Strided,
}

/// <param name="Register">Where a splat or strided operand is put; unused for direct ones.</param>
internal sealed record FusedInput(ReadMode Mode, Layout Layout, int ElementSize, int Register);

/// <param name="Operands">For each operand: a register, or −1 − i for the direct input i.</param>
/// <param name="Register">Where the result goes, or −1 − i for output i in memory.</param>
internal sealed record FusedStep(TileFunction Function, int[] Operands, int Register);

/// <summary>
/// A chain of elementwise ops over one iteration shape, run tile by tile: the tiles of all its intermediate values stay in
/// L1 and only what is used outside is written. Each op is computed as it would be alone, so fusing never changes bits.
/// </summary>
internal sealed unsafe class FusedKernel : Kernel
{
    private const int TilesPerUnit = 32;

    private readonly FusedInput[] _inputs;
    private readonly FusedStep[] _steps;
    private readonly int[] _outputSizes;
    private readonly long _count;
    private readonly int _tile;
    private readonly int _registers;
    private readonly int _registerBytes;
    private readonly int _maxOperands;

    public FusedKernel(Shape shape, FusedInput[] inputs, FusedStep[] steps, int[] outputSizes, int registers)
    {
        _inputs = inputs;
        _steps = steps;
        _outputSizes = outputSizes;
        _count = shape.ElementCount;
        _registers = registers;
        _maxOperands = steps.Max(s => s.Operands.Length);

        // All registers together stay within 24 KB of the first-level cache.
        _tile = 1024;
        while (_tile > 128 && _tile * 8L * registers > 24 * 1024)
            _tile /= 2;
        _tile = (int)Math.Min(_tile, (_count + 63) / 64 * 64);
        _registerBytes = _tile * 8;
        WorkspaceBytes = (long)registers * _registerBytes;
        UnitCount = _count == 0 ? 0 : (_count + ((long)_tile * TilesPerUnit) - 1) / ((long)_tile * TilesPerUnit);
        Flops = (double)_count * steps.Length;
    }

    public override void Run(in KernelArguments arguments, long unit)
    {
        var workspace = (byte*)arguments.Workspace;
        var operands = stackalloc void*[_maxOperands];
        for (var i = 0; i < _inputs.Length; i++)
        {
            var input = _inputs[i];
            if (input.Mode == ReadMode.Splat)
                Fill(arguments.Inputs[i], Register(workspace, input.Register), input.ElementSize, _tile);
        }

        var start = unit * TilesPerUnit * _tile;
        var end = Math.Min(_count, start + ((long)TilesPerUnit * _tile));
        for (; start < end; start += _tile)
            RunTile(arguments, workspace, operands, start, (int)Math.Min(_tile, end - start));
    }

    private void RunTile(in KernelArguments arguments, byte* workspace, void** operands, long start, int count)
    {
        for (var i = 0; i < _inputs.Length; i++)
        {
            var input = _inputs[i];
            if (input.Mode == ReadMode.Strided)
            {
                // The copy indexes its target like the whole iteration: the register stands where the tile starts.
                var target = Register(workspace, input.Register) - (start * input.ElementSize);
                StridedCopy.Gather(arguments.Inputs[i], input.Layout.Shape.Dimensions, input.Layout.Strides, target, input.ElementSize, start, count);
            }
        }

        foreach (var step in _steps)
        {
            for (var i = 0; i < step.Operands.Length; i++)
            {
                var source = step.Operands[i];
                operands[i] = source >= 0 ? Register(workspace, source) : Source(arguments, -1 - source, start);
            }

            var target = step.Register >= 0
                ? Register(workspace, step.Register)
                : (byte*)arguments.Outputs[-1 - step.Register] + (start * _outputSizes[-1 - step.Register]);
            step.Function.Pointer(operands, step.Operands.Length, target, count);
        }
    }

    /// <summary>A direct input, or behind the inputs an output that an earlier step has written.</summary>
    private void* Source(in KernelArguments arguments, int index, long start) =>
        index < _inputs.Length
            ? (byte*)arguments.Inputs[index] + (start * _inputs[index].ElementSize)
            : (byte*)arguments.Outputs[index - _inputs.Length] + (start * _outputSizes[index - _inputs.Length]);

    private byte* Register(byte* workspace, int register)
    {
        System.Diagnostics.Debug.Assert(register < _registers, "A register is outside the workspace.");
        return workspace + ((long)register * _registerBytes);
    }

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
