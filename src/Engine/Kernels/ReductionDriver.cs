using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Runs the units of a <see cref="ReductionPlan"/>.</summary>
internal static unsafe class ReductionDriver
{
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

        S* state = stackalloc S[ReductionPlan.BlockColumns];
        long end = Math.Min(plan.Tasks, (unit + 1) * plan.TasksPerUnit);
        for (long task = unit * plan.TasksPerUnit; task < end; task++)
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
                Columns<TReduction, T, S>(source, length, inner, columns, state);

            if (plan.Chunks > 1)
            {
                Unsafe.CopyBlockUnaligned(partial + rest * inner + column, state, (uint)(columns * sizeof(S)));
            }
            else
            {
                T* output = y + o * inner + column;
                for (int j = 0; j < columns; j++)
                    output[j] = TReduction.Finish(state[j]);
            }
        }
    }

    private static S Row<TReduction, T, S>(T* x, long length)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        S state = TReduction.Identity;
        for (long i = 0; i < length; i += ReductionPlan.BlockElements)
            state = TReduction.Combine(state, TReduction.ReduceRow(x + i, (int)Math.Min(ReductionPlan.BlockElements, length - i)));
        return state;
    }

    [SkipLocalsInit]
    private static void Columns<TReduction, T, S>(T* x, long rows, long stride, int columns, S* state)
        where TReduction : struct, IReduction<T, S>
        where T : unmanaged
        where S : unmanaged
    {
        S* block = stackalloc S[ReductionPlan.BlockColumns];
        new Span<S>(state, columns).Fill(TReduction.Identity);
        for (long i = 0; i < rows; i += ReductionPlan.BlockRows)
        {
            TReduction.ReduceColumns(x + i * stride, (int)Math.Min(ReductionPlan.BlockRows, rows - i), stride, columns, block);
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
            {
                S state = TReduction.Identity;
                for (long chunk = 0; chunk < chunks; chunk++)
                    state = TReduction.Combine(state, partial[chunk * inner + j]);
                y[j] = TReduction.Finish(state);
            }
        }
    }
}
