using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Runs the units of a <see cref="ReductionPlan"/>.</summary>
internal static unsafe class ReductionDriver
{
    /// <summary>What the second-level cache of a core holds.</summary>
    private const long CacheBytes = 1 << 20;

    /// <summary>From this length on a row is a stream of its own.</summary>
    private const long FarElements = 256;

    [SkipLocalsInit]
    public static void Run<TReduction, T, S>(T* x, T* y, long outer, long reduce, long inner, void* shared, int unit)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        var plan = new ReductionPlan(outer, reduce, inner);
        S* partial = (S*)shared;
        if (unit == plan.TaskUnits)
        {
            CombineChunks<TReduction, T, S>(partial, plan.Chunks, y, outer, inner);
            return;
        }

        long begin = unit * plan.TasksPerUnit, end = Math.Min(plan.Tasks, begin + plan.TasksPerUnit);
        bool isFar = outer * reduce * inner * sizeof(T) > CacheBytes;
        if (inner == 1 && plan.Chunks == 1)
        {
            Rows<TReduction, T, S>(x + begin * reduce, y + begin, end - begin, reduce, isFar && TReduction.HasFourRows);
            return;
        }

        S* state = stackalloc S[ReductionPlan.BlockColumns];
        for (long task = begin; task < end; task++)
        {
            var (rest, columnBlock) = Math.DivRem(task, plan.ColumnBlocks);
            var (o, chunk) = Math.DivRem(rest, plan.Chunks);
            long first = chunk * plan.ChunkLength;
            long length = Math.Min(plan.ChunkLength, reduce - first);
            long column = columnBlock * ReductionPlan.BlockColumns;
            int columns = (int)Math.Min(ReductionPlan.BlockColumns, inner - column);
            T* source = x + (o * reduce + first) * inner + column;
            if (inner == 1)
                *state = isFar && TReduction.HasFourRows ? FarRow<TReduction, T, S>(source, length) : Row<TReduction, T, S>(source, length);
            else
                Columns<TReduction, T, S>(source, length, inner, columns, isFar, state);

            if (plan.Chunks > 1)
            {
                Unsafe.CopyBlockUnaligned(partial + rest * inner + column, state, (uint)(columns * sizeof(S)));
            }
            else
            {
                TReduction.Finish(state, columns, y + o * inner + column);
            }
        }
    }

    /// <summary>Far rows go four at a time, each beside those a quarter, half and three quarters of them away; a few long ones one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows<TReduction, T, S>(T* x, T* y, long rows, long length, bool isFar)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        isFar &= length >= FarElements;
        long quarter = isFar ? rows / 4 : 0;
        for (long r = 0; r < quarter; r++)
            FourRows<TReduction, T, S>(x + r * length, quarter * length, length, y + r, quarter);
        for (long r = 4 * quarter; r < rows; r++)
            y[r] = TReduction.Finish(isFar ? FarRow<TReduction, T, S>(x + r * length, length) : Row<TReduction, T, S>(x + r * length, length));
    }

    /// <summary>y[k·yStride] = the reduction of x[k·stride + [0..length)) for k in 0..3.</summary>
    [SkipLocalsInit]
    private static void FourRows<TReduction, T, S>(T* x, long stride, long length, T* y, long yStride)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        S* states = stackalloc S[4];
        S* block = stackalloc S[4];
        new Span<S>(states, 4).Fill(TReduction.Identity);
        for (long i = 0; i < length; i += ReductionPlan.BlockElements)
        {
            TReduction.ReduceFourRows(x + i, stride, (int)Math.Min(ReductionPlan.BlockElements, length - i), block);
            for (int k = 0; k < 4; k++)
                states[k] = TReduction.Combine(states[k], block[k]);
        }

        for (int k = 0; k < 4; k++)
            y[k * yStride] = TReduction.Finish(states[k]);
    }

    /// <summary>A row of at most <see cref="ReductionPlan.UnitElements"/>: the four quarters of its whole blocks side by side, then their states in order.</summary>
    [SkipLocalsInit]
    private static S FarRow<TReduction, T, S>(T* x, long length)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        long quarter = length / (4 * ReductionPlan.BlockElements);
        S* states = stackalloc S[(int)(ReductionPlan.UnitElements / ReductionPlan.BlockElements)];
        S* block = stackalloc S[4];
        for (long i = 0; i < quarter; i++)
        {
            TReduction.ReduceFourRows(x + i * ReductionPlan.BlockElements, quarter * ReductionPlan.BlockElements, ReductionPlan.BlockElements, block);
            for (int k = 0; k < 4; k++)
                states[k * quarter + i] = block[k];
        }

        S state = TReduction.Identity;
        for (long i = 0; i < 4 * quarter; i++)
            state = TReduction.Combine(state, states[i]);
        return Blocks<TReduction, T, S>(state, x + 4 * quarter * ReductionPlan.BlockElements, length - 4 * quarter * ReductionPlan.BlockElements);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static S Row<TReduction, T, S>(T* x, long length)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged => Blocks<TReduction, T, S>(TReduction.Identity, x, length);

    /// <summary>The state of a row, which is folded block by block, behind another state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static S Blocks<TReduction, T, S>(S state, T* x, long length)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        for (long i = 0; i < length; i += ReductionPlan.BlockElements)
            state = TReduction.Combine(state, TReduction.ReduceRow(x + i, (int)Math.Min(ReductionPlan.BlockElements, length - i)));
        return state;
    }

    [SkipLocalsInit]
    private static void Columns<TReduction, T, S>(T* x, long rows, long stride, int columns, bool isFar, S* state)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        TReduction.ReduceColumns(x, (int)Math.Min(ReductionPlan.BlockRows, rows), stride, columns, isFar, state);
        S* block = stackalloc S[ReductionPlan.BlockColumns];
        for (long i = ReductionPlan.BlockRows; i < rows; i += ReductionPlan.BlockRows)
        {
            TReduction.ReduceColumns(x + i * stride, (int)Math.Min(ReductionPlan.BlockRows, rows - i), stride, columns, isFar, block);
            for (int j = 0; j < columns; j++)
                state[j] = TReduction.Combine(state[j], block[j]);
        }
    }

    private static void CombineChunks<TReduction, T, S>(S* partial, long chunks, T* y, long outer, long inner)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        for (long o = 0; o < outer; o++, partial += chunks * inner, y += inner)
        {
            for (long j = 0; j < inner; j++)
                partial[j] = TReduction.Combine(TReduction.Identity, partial[j]);
            for (long chunk = 1; chunk < chunks; chunk++)
            {
                S* next = partial + chunk * inner;
                for (long j = 0; j < inner; j++)
                    partial[j] = TReduction.Combine(partial[j], next[j]);
            }

            for (long j = 0; j < inner; j++)
                y[j] = TReduction.Finish(partial[j]);
        }
    }
}
