using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Runs the units of a <see cref="ReductionPlan"/>.</summary>
internal static unsafe class ReductionDriver
{
    /// <summary>What the second-level cache of a core holds.</summary>
    private const long CacheBytes = 1 << 20;

    /// <summary>Shorter rows take less time than to ask for what comes behind them.</summary>
    private const int MinFetched = 128;

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
            Rows<TReduction, T, S>(x + begin * reduce, y + begin, end - begin, reduce);
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
                *state = Row<TReduction, T, S>(source, length);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows<TReduction, T, S>(T* x, T* y, long rows, long length)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        for (long r = 0; r < rows; r++)
            y[r] = TReduction.Finish(Row<TReduction, T, S>(x + r * length, length));
    }

    /// <summary>The state of a row, which is folded block by block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static S Row<TReduction, T, S>(T* x, long length)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        if (length < MinFetched)
            return TReduction.Combine(TReduction.Identity, TReduction.ReduceRow(x, (int)length));

        S state = TReduction.Identity;
        for (int n; length > 0; length -= n, x += n)
        {
            n = (int)Math.Min(ReductionPlan.BlockElements, length);
            Prefetch.NextPages(x, n * sizeof(T));
            state = TReduction.Combine(state, TReduction.ReduceRow(x, n));
        }

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
