using System.Runtime.InteropServices;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>Accumulation and zeroing of gradients.</summary>
internal static unsafe class GradientSum
{
    /// <summary>
    /// state.Gradient += gradient for each that is present; an absent one becomes a share of it. A gradient that someone
    /// else reads is replaced, not written. All memory is rented before the first change.
    /// </summary>
    public static void Commit(IReadOnlyList<GradientResult> gradients, Func<ulong, VariableState> stateOf, BufferPool pool, Quota? account)
    {
        var fresh = new Dictionary<ulong, Tensor>();
        try
        {
            foreach (var (id, gradient) in gradients)
            {
                if (gradient is not null && stateOf(id).Gradient is { } old && !old.Buffer.IsExclusive)
                    fresh.Add(id, Tensor.Rent(pool, old.DataType, old.Shape, "gradient", account));
            }
        }
        catch
        {
            foreach (var tensor in fresh.Values)
                tensor.Dispose();
            throw;
        }

        foreach (var (id, gradient) in gradients)
        {
            if (gradient is null)
                continue;
            var state = stateOf(id);
            if (state.Gradient is not { } old)
            {
                state.SetGradient(gradient.Share());
            }
            else if (fresh.TryGetValue(id, out var target))
            {
                Add(old, gradient, target);
                state.SetGradient(target);
            }
            else
            {
                Add(old, gradient, old);
            }
        }
    }

    /// <summary>Makes gradients absent, or zero where <paramref name="keepZeros"/> and one was present.</summary>
    public static void Zero(IEnumerable<VariableState> states, bool keepZeros, BufferPool pool, Quota? account)
    {
        var zeros = new List<(VariableState State, Tensor? Zero)>();
        try
        {
            foreach (var state in states)
                zeros.Add((state, keepZeros && state.Gradient is { } old ? Zeros(old, pool, account) : null));
        }
        catch
        {
            foreach (var (_, zero) in zeros)
                zero?.Dispose();
            throw;
        }

        foreach (var (state, zero) in zeros)
            state.SetGradient(zero);
    }

    private static Tensor Zeros(Tensor like, BufferPool pool, Quota? account)
    {
        var tensor = Tensor.Rent(pool, like.DataType, like.Shape, "gradient", account);
        NativeMemory.Clear(tensor.Buffer.Pointer, (nuint)tensor.ByteCount);
        return tensor;
    }

    /// <summary>target = a + b, of one type and shape; the target may be one of them.</summary>
    public static void Add(DataType type, long count, PooledBuffer a, PooledBuffer b, PooledBuffer target)
    {
        if (type == DataType.Float32)
            Add((float*)a.Pointer, (float*)b.Pointer, (float*)target.Pointer, count);
        else
            Add((double*)a.Pointer, (double*)b.Pointer, (double*)target.Pointer, count);
    }

    private static void Add(Tensor a, Tensor b, Tensor target) => Add(a.DataType, a.Shape.ElementCount, a.Buffer, b.Buffer, target.Buffer);

    private static void Add<T>(T* a, T* b, T* target, long elements) where T : unmanaged, System.Numerics.INumber<T>
    {
        const int Block = 1 << 20;
        for (long start = 0; start < elements; start += Block)
        {
            var count = (int)Math.Min(Block, elements - start);
            Elementwise.Add(new ReadOnlySpan<T>(a + start, count), new ReadOnlySpan<T>(b + start, count), new Span<T>(target + start, count));
        }
    }
}
