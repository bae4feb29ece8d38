namespace Gradients.Engine.Kernels;

/// <summary>
/// A reduction from elements T through states S, which combine associatively. A block has at most
/// <see cref="ReductionPlan.BlockElements"/> contiguous elements, or rows of at most
/// <see cref="ReductionPlan.BlockColumns"/>.
/// </summary>
internal unsafe interface IReduction<T, S>
    where T : unmanaged
    where S : unmanaged
{
    static abstract S Identity { get; }

    /// <summary>The state of x[0..n).</summary>
    static abstract S ReduceRow(T* x, int n);

    /// <summary>state[j] = the state of x[·, j].</summary>
    /// <param name="isFar">The whole of x is larger than the caches: rows are asked for ahead.</param>
    static abstract void ReduceColumns(T* x, int rows, long stride, int columns, bool isFar, S* state);

    static abstract S Combine(S x, S y);

    static abstract T Finish(S state);

    /// <summary>y[j] = the end of state[j].</summary>
    static abstract void Finish(S* state, int columns, T* y);
}
