using System.Numerics;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>
/// C[m,n] = A[m,k] · B[k,n] for float32 and float64. A and B have any strides; C is row-major with leading dimension
/// ldc and is overwritten; it may not overlap A or B. k = 0 gives zeros.
/// The work is cut into units that write disjoint parts of C and may run in any order or at the same time, each
/// running unit with its own workspace, whose content means nothing between units.
/// The algorithm and the order of every sum are functions of (m, n, k) and the strides alone.
/// </summary>
public static unsafe class Gemm
{
    /// <summary>Up to this many multiply-adds the packing of blocks costs more than it saves.</summary>
    private const long SmallProduct = 1024;

    private enum Algorithm
    {
        Empty,
        Small,
        MatrixVector,
        VectorMatrix,
        Blocked,
    }

    /// <summary>How many units the product has; 0 when C is empty.</summary>
    public static int UnitCount(int m, int n, int k) => Choose(m, n, k) switch
    {
        Algorithm.Empty => 0,
        Algorithm.Small => 1,
        Algorithm.MatrixVector => MatrixVectorProduct.UnitCount(m, k),
        Algorithm.VectorMatrix => MatrixVectorProduct.UnitCount(n, k),
        _ => BlockedProduct.UnitCount(m, n, k),
    };

    /// <summary>The rectangle of C that a unit writes.</summary>
    public static Block BlockOf(int m, int n, int k, int unit)
    {
        switch (Choose(m, n, k))
        {
            case Algorithm.MatrixVector:
                var (row, rows) = MatrixVectorProduct.RowsOf(m, k, unit);
                return new Block(row, rows, 0, 1);
            case Algorithm.VectorMatrix:
                var (column, columns) = MatrixVectorProduct.RowsOf(n, k, unit);
                return new Block(0, 1, column, columns);
            case Algorithm.Blocked:
                return BlockedProduct.BlockOf(m, n, k, unit);
            default:
                return new Block(0, m, 0, n);
        }
    }

    /// <summary>Bytes of workspace for one running unit; 64-byte alignment serves best.</summary>
    public static long WorkspaceBytes<T>(int m, int n, int k)
        where T : unmanaged, IFloatingPointIeee754<T> => Choose(m, n, k) switch
        {
            Algorithm.Empty or Algorithm.Small => 0,
            Algorithm.MatrixVector => MatrixVectorProduct.WorkspaceElements(m, k) * sizeof(T),
            Algorithm.VectorMatrix => MatrixVectorProduct.WorkspaceElements(n, k) * sizeof(T),
            _ => BlockedProduct.WorkspaceElements<T>(m, n, k) * sizeof(T),
        };

    /// <summary>Runs one unit of [0, <see cref="UnitCount"/>).</summary>
    public static void Run<T>(in Matrix<T> a, in Matrix<T> b, T* c, long ldc, int m, int n, int k, void* workspace, int unit)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        switch (Choose(m, n, k))
        {
            case Algorithm.Empty:
                break;
            case Algorithm.Small:
                SmallGemm.Run(a, b, c, ldc, m, n, k);
                break;
            case Algorithm.MatrixVector:
                MatrixVectorProduct.Run(a, b.Data, b.RowStride, c, ldc, m, k, (T*)workspace, unit);
                break;
            case Algorithm.VectorMatrix:
                MatrixVectorProduct.Run(b.Transposed, a.Data, a.ColumnStride, c, 1, n, k, (T*)workspace, unit);
                break;
            default:
                if (Vector512.IsHardwareAccelerated)
                    BlockedProduct.Run<Lanes512<T>, T>(a, b, c, ldc, m, n, k, (T*)workspace, unit);
                else if (Vector256.IsHardwareAccelerated)
                    BlockedProduct.Run<Lanes256<T>, T>(a, b, c, ldc, m, n, k, (T*)workspace, unit);
                else if (Vector128.IsHardwareAccelerated)
                    BlockedProduct.Run<Lanes128<T>, T>(a, b, c, ldc, m, n, k, (T*)workspace, unit);
                else
                    BlockedProduct.Run<ScalarLanes<T>, T>(a, b, c, ldc, m, n, k, (T*)workspace, unit);
                break;
        }
    }

    private static Algorithm Choose(int m, int n, int k)
    {
        if (m == 0 || n == 0)
            return Algorithm.Empty;
        if ((long)m * n * Math.Max(k, 1) <= SmallProduct || k == 0)
            return Algorithm.Small;
        if (n == 1)
            return Algorithm.MatrixVector;
        return m == 1 ? Algorithm.VectorMatrix : Algorithm.Blocked;
    }
}
