using System.Numerics;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>y[m] = A[m,k] · x[k] at the speed of memory: A is read once, along its contiguous axis.</summary>
internal static unsafe class MatrixVectorProduct
{
    private const long UnitElements = 1 << 20;
    private const int RowGranule = 64;
    private const int MinLong = 64;

    public static int UnitCount(int m, int k) => (m + UnitRows(k) - 1) / UnitRows(k);

    /// <summary>The rows that a unit computes.</summary>
    public static (int First, int Count) RowsOf(int m, int k, int unit) => (unit * UnitRows(k), Math.Min(UnitRows(k), m - (unit * UnitRows(k))));

    public static long WorkspaceElements(int m, int k) => k + (long)Math.Min(m, UnitRows(k));

    public static void Run<T>(in Matrix<T> a, T* x, long xStride, T* y, long yStride, int m, int k, T* workspace, int unit)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (xStride != 1)
        {
            for (int p = 0; p < k; p++)
                workspace[p] = x[p * xStride];
            x = workspace;
        }

        var (first, rows) = RowsOf(m, k, unit);
        T* sums = workspace + k;
        if (Vector512.IsHardwareAccelerated)
            Rows<Lanes512<T>, T>(a, x, sums, first, rows, k);
        else if (Vector256.IsHardwareAccelerated)
            Rows<Lanes256<T>, T>(a, x, sums, first, rows, k);
        else if (Vector128.IsHardwareAccelerated)
            Rows<Lanes128<T>, T>(a, x, sums, first, rows, k);
        else
            Rows<ScalarLanes<T>, T>(a, x, sums, first, rows, k);
        for (int i = 0; i < rows; i++)
            y[(first + i) * yStride] = sums[i];
    }

    private static int UnitRows(int k) => (int)Math.Clamp(UnitElements / k / RowGranule * RowGranule, RowGranule, 4096);

    private static void Rows<V, T>(in Matrix<T> a, T* x, T* sums, int first, int rows, int k)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (a.ColumnStride == 1)
        {
            for (int i = 0; i < rows; i++)
                sums[i] = Dot<V, T>(a.At(first + i, 0), x, k);
        }
        else if (a.RowStride == 1)
        {
            new Span<T>(sums, rows).Clear();
            int p = 0;
            for (; p <= k - 4; p += 4)
                AddColumns<V, T>(a.At(first, p), a.ColumnStride, x + p, sums, rows);
            for (; p < k; p++)
            {
                T* column = a.At(first, p);
                for (int i = 0; i < rows; i++)
                    sums[i] = T.MultiplyAddEstimate(column[i], x[p], sums[i]);
            }
        }
        else
        {
            for (int i = 0; i < rows; i++)
            {
                T sum = T.Zero;
                T* element = a.At(first + i, 0);
                for (int p = 0; p < k; p++, element += a.ColumnStride)
                    sum = T.MultiplyAddEstimate(*element, x[p], sum);
                sums[i] = sum;
            }
        }
    }

    private static T Dot<V, T>(T* a, T* x, int k)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        V s0 = V.Constant(0), s1 = s0, s2 = s0, s3 = s0;
        int p = 0;

        // Short sums have the order that columns are added in, whatever a register holds.
        int inRegisters = k < MinLong ? 0 : k - (k % (4 * V.Count));
        for (; p < inRegisters; p += 4 * V.Count)
        {
            s0.AddProduct(V.Load(a + p), V.Load(x + p));
            s1.AddProduct(V.Load(a + p + V.Count), V.Load(x + p + V.Count));
            s2.AddProduct(V.Load(a + p + 2 * V.Count), V.Load(x + p + 2 * V.Count));
            s3.AddProduct(V.Load(a + p + 3 * V.Count), V.Load(x + p + 3 * V.Count));
        }

        T* lanes = stackalloc T[V.Count];
        ((s0 + s1) + (s2 + s3)).Store(lanes);
        T sum = T.Zero;
        for (int i = 0; i < V.Count; i++)
            sum += lanes[i];
        for (; p < k; p++)
            sum = T.MultiplyAddEstimate(a[p], x[p], sum);
        return sum;
    }

    private static void AddColumns<V, T>(T* columns, long stride, T* x, T* sums, int rows)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T* c0 = columns, c1 = c0 + stride, c2 = c1 + stride, c3 = c2 + stride;
        V x0 = V.Broadcast(x[0]), x1 = V.Broadcast(x[1]), x2 = V.Broadcast(x[2]), x3 = V.Broadcast(x[3]);
        int i = 0;
        for (; i <= rows - V.Count; i += V.Count)
        {
            V sum = V.MultiplyAdd(V.Load(c0 + i), x0, V.Load(sums + i));
            sum.AddProduct(V.Load(c1 + i), x1);
            sum.AddProduct(V.Load(c2 + i), x2);
            V.MultiplyAdd(V.Load(c3 + i), x3, sum).Store(sums + i);
        }

        for (; i < rows; i++)
        {
            T sum = T.MultiplyAddEstimate(c0[i], x[0], sums[i]);
            sum = T.MultiplyAddEstimate(c1[i], x[1], sum);
            sum = T.MultiplyAddEstimate(c2[i], x[2], sum);
            sums[i] = T.MultiplyAddEstimate(c3[i], x[3], sum);
        }
    }
}
