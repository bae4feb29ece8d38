using Gradients.Engine.Kernels;

namespace Gradients.Engine.Compilation;

/// <summary>
/// A product and the elementwise chain behind it (bias, activation, residual, the factor of an activation's derivative): each
/// rectangle of the product goes through the chain as soon as it is finished, while it is in cache.
/// </summary>
/// <remarks>Inputs are the product's, then those of the chain but for the product itself; outputs are the chain's, then the product where it has a place of its own.</remarks>
internal sealed unsafe class EpilogueKernel : Kernel
{
    private readonly BlockKernel _product;
    private readonly FusedKernel _chain;
    private readonly int[] _chainInputs;
    private readonly int _productOutput;
    private readonly long _chainWorkspace;

    /// <param name="product">Writes what the chain reads.</param>
    /// <param name="chain">Over as many elements as the product has.</param>
    /// <param name="chainInputs">For each input of the chain, its index among all inputs, or −1 for the product.</param>
    /// <param name="productOutput">Index of the output that the product is written to; the chain may overwrite it.</param>
    public EpilogueKernel(BlockKernel product, FusedKernel chain, int[] chainInputs, int productOutput)
    {
        (_product, _chain, _chainInputs, _productOutput) = (product, chain, chainInputs, productOutput);
        _chainWorkspace = ArenaPlan.Round(product.WorkspaceBytes);
        UnitCount = product.UnitCount;
        ConcurrentUnits = product.ConcurrentUnits;
        StageCount = product.StageCount;
        WorkspaceBytes = _chainWorkspace + chain.WorkspaceBytes;
        SharedBytes = product.SharedBytes;
        Flops = product.Flops + chain.Flops;
    }

    public override long StageEnd(int stage) => _product.StageEnd(stage);

    public override void Run(in KernelArguments arguments, long unit)
    {
        var target = arguments.Outputs[_productOutput];
        _product.Run(new KernelArguments { Inputs = arguments.Inputs, Outputs = &target, Workspace = arguments.Workspace, Shared = arguments.Shared }, unit);
        var blocks = _product.BlocksOf(unit);
        if (blocks == 0)
            return;

        var inputs = stackalloc void*[_chainInputs.Length];
        for (var i = 0; i < _chainInputs.Length; i++)
            inputs[i] = _chainInputs[i] < 0 ? target : arguments.Inputs[_chainInputs[i]];
        var chain = new KernelArguments { Inputs = inputs, Outputs = arguments.Outputs, Workspace = (byte*)arguments.Workspace + _chainWorkspace };
        _chain.Spread(chain);
        for (var block = 0; block < blocks; block++)
            RunBlock(chain, _product.BlockOf(unit, block));
    }

    private void RunBlock(in KernelArguments chain, Block block)
    {
        if (block.Columns == _product.Columns)
        {
            _chain.RunRange(chain, block.Row * block.Columns, block.Rows * block.Columns);
            return;
        }

        for (var row = block.Row; row < block.Row + block.Rows; row++)
            _chain.RunRange(chain, (row * _product.Columns) + block.Column, block.Columns);
    }
}
