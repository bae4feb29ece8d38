using System.Numerics;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>Products too small to pack: each element is one sum over k in increasing order.</summary>
internal static unsafe class SmallGemm
{
    public static void Run<T>(in Matrix<T> a, in Matrix<T> b, T* c, long ldc, int m, int n, int k)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < m; i++)
        {
            T* row = a.At(i, 0);
            T* output = c + i * ldc;
            int j = 0;
            if (b.ColumnStride == 1)
            {
                if (Vector512.IsHardwareAccelerated)
                    j = Row<Lanes512<T>, T>(row, a.ColumnStride, b, output, j, n, k);
                if (Vector256.IsHardwareAccelerated)
                    j = Row<Lanes256<T>, T>(row, a.ColumnStride, b, output, j, n, k);
                if (Vector128.IsHardwareAccelerated)
                    j = Row<Lanes128<T>, T>(row, a.ColumnStride, b, output, j, n, k);
            }

            for (; j < n; j++)
            {
                T sum = T.Zero;
                T* left = row, right = b.At(0, j);
                for (int p = 0; p < k; p++, left += a.ColumnStride, right += b.RowStride)
                    sum = T.MultiplyAddEstimate(*left, *right, sum);
                output[j] = sum;
            }
        }
    }

    private static int Row<V, T>(T* row, long stride, in Matrix<T> b, T* output, int j, int n, int k)
        where V : struct, ILanes<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (; j <= n - V.Count; j += V.Count)
        {
            V sum = V.Constant(0);
            T* left = row, right = b.Data + j;
            for (int p = 0; p < k; p++, left += stride, right += b.RowStride)
                sum.AddProduct(V.Broadcast(*left), V.Load(right));
            sum.Store(output + j);
        }

        return j;
    }
}
