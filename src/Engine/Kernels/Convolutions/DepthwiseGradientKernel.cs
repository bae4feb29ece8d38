using System.Numerics;

namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>
/// dW[g, k] = Σ over images n and positions q of G[n, g, q] · x[n, g, tap k of q] for groups of one channel and one filter. A unit is
/// some groups over all images.
/// </summary>
internal sealed unsafe class DepthwiseGradientKernel<T> : Kernel
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Taps = DepthwiseGradientTile<ScalarLanes<T>, T>.Taps;
    private const long BandElements = 1 << 13;
    private const double UnitProducts = 1 << 20;

    private readonly ConvolutionShape _shape;
    private readonly PaddedPlanes _band;
    private readonly int _bandRows;
    private readonly int _blockGroups;
    private readonly long[] _offsets;

    public DepthwiseGradientKernel(ConvolutionShape shape)
    {
        _shape = shape;
        _bandRows = (int)Math.Clamp(BandElements / (shape.Columns.Output + (long)shape.Columns.Reach), 1, shape.Rows.Output);
        _band = PaddedPlanes.OfInput(shape, _bandRows, PaddedPlanes.WidthOfInput(shape));
        var padded = (shape.KernelElements + Taps - 1) / Taps * Taps;
        _offsets = CorrelationPass.Pinned([.. Enumerable.Range(0, padded).Select(k => Math.Min(k, shape.KernelElements - 1)).Select(k => _band.OffsetOf(k / shape.Columns.Kernel, k % shape.Columns.Kernel))]);
        _blockGroups = (int)Math.Clamp(UnitProducts * shape.Groups / Math.Max(1, shape.Products), 1, shape.Groups);
        UnitCount = (shape.Groups + _blockGroups - 1) / _blockGroups;
        WorkspaceBytes = checked((SourceElements + padded) * sizeof(T));
        Flops = 2 * shape.Products;
    }

    /// <summary>The last register of a row reads some columns behind it.</summary>
    private long SourceElements => ((_band.Elements(1) + 15) / 16 * 16) + TileTable<T>.Lanes;

    public override void Run(in KernelArguments arguments, long unit)
    {
        long plane = (long)_shape.Rows.Input * _shape.Columns.Input, positions = (long)_shape.Rows.Output * _shape.Columns.Output;
        T* source = (T*)arguments.Workspace, sums = source + SourceElements;
        var run = TileTable<T>.DepthwiseGradient;
        var last = Math.Min(_shape.Groups, (unit + 1) * _blockGroups);
        fixed (long* offsets = _offsets)
        {
            for (var group = unit * _blockGroups; group < last; group++)
            {
                new Span<T>(sums, _offsets.Length).Clear();
                for (var image = 0; image < _shape.Batch; image++)
                {
                    var entry = ((long)image * _shape.Groups) + group;
                    for (var row = 0; row < _shape.Rows.Output; row += _bandRows)
                    {
                        _band.Fill((T*)arguments.Inputs[0] + (entry * plane), 1, row, source);
                        var g = (T*)arguments.Inputs[1] + (entry * positions) + ((long)row * _shape.Columns.Output);
                        for (var tap = 0; tap < _offsets.Length; tap += Taps)
                            run(source, offsets + tap, Math.Min(_bandRows, _shape.Rows.Output - row), _shape.Columns.Output, _band.Pitch, g, sums + tap);
                    }
                }

                new ReadOnlySpan<T>(sums, _shape.KernelElements).CopyTo(new Span<T>((T*)arguments.Outputs[0] + (group * _shape.KernelElements), _shape.KernelElements));
            }
        }
    }
}
