using System.Numerics;
using System.Runtime.CompilerServices;
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
            int i = 0;
            for (; k >= MinLong && i <= rows - 4; i += 4)
                FourDots<V, T>(a.At(first + i, 0), a.RowStride, x, sums + i, k);
            for (; i < rows; i++)
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

    /// <summary>The same sums as <see cref="Dot"/> makes, of four rows at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourDots<V, T>(T* a, long stride, T* x, T* sums, int k)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T* b = a + stride, c = b + stride, d = c + stride;
        V zero = V.Constant(0), a0 = zero, a1 = zero, b0 = zero, b1 = zero, c0 = zero, c1 = zero, d0 = zero, d1 = zero;
        int p = 0;
        for (; p <= k - (2 * V.Count); p += 2 * V.Count)
        {
            V x0 = V.Load(x + p), x1 = V.Load(x + p + V.Count);
            a0.AddProduct(V.Load(a + p), x0);
            b0.AddProduct(V.Load(b + p), x0);
            c0.AddProduct(V.Load(c + p), x0);
            d0.AddProduct(V.Load(d + p), x0);
            a1.AddProduct(V.Load(a + p + V.Count), x1);
            b1.AddProduct(V.Load(b + p + V.Count), x1);
            c1.AddProduct(V.Load(c + p + V.Count), x1);
            d1.AddProduct(V.Load(d + p + V.Count), x1);
        }

        for (; p < k; p += V.Count)
        {
            int count = Math.Min(V.Count, k - p);
            V x0 = V.LoadFirst(x + p, count, zero);
            a0.AddProduct(V.LoadFirst(a + p, count, zero), x0);
            b0.AddProduct(V.LoadFirst(b + p, count, zero), x0);
            c0.AddProduct(V.LoadFirst(c + p, count, zero), x0);
            d0.AddProduct(V.LoadFirst(d + p, count, zero), x0);
        }

        sums[0] = T.CreateTruncating(V.Sum(a0 + a1));
        sums[1] = T.CreateTruncating(V.Sum(b0 + b1));
        sums[2] = T.CreateTruncating(V.Sum(c0 + c1));
        sums[3] = T.CreateTruncating(V.Sum(d0 + d1));
    }

    private static T Dot<V, T>(T* a, T* x, int k)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Short sums have the order that columns are added in, whatever a register holds.
        if (k < MinLong)
        {
            T sum = T.Zero;
            for (int i = 0; i < k; i++)
                sum = T.MultiplyAddEstimate(a[i], x[i], sum);
            return sum;
        }

        V zero = V.Constant(0), s0 = zero, s1 = zero;
        int p = 0;
        for (; p <= k - (2 * V.Count); p += 2 * V.Count)
        {
            s0.AddProduct(V.Load(a + p), V.Load(x + p));
            s1.AddProduct(V.Load(a + p + V.Count), V.Load(x + p + V.Count));
        }

        for (; p < k; p += V.Count)
        {
            int count = Math.Min(V.Count, k - p);
            s0.AddProduct(V.LoadFirst(a + p, count, zero), V.LoadFirst(x + p, count, zero));
        }

        return T.CreateTruncating(V.Sum(s0 + s1));
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
