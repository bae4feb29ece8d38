using System.Numerics;
using System.Runtime.Intrinsics;

namespace Gradients.Engine.Kernels;

/// <summary>
/// C[m,n] = A[m,k] · B[k,n] for float32 and float64, bound to sizes and strides. A and B have any strides; C is row-major with
/// leading dimension ldc and is overwritten; it may not overlap A or B. k = 0 gives zeros.
/// The work is cut into units, and those into stages: the units of a stage may run in any order or at the same time, each running
/// unit with a workspace of its own, whose content means nothing between units; a stage begins when the one before it is done.
/// All units of a run have the same shared block, which holds the copies of operands that several units read.
/// The algorithm and the order of every sum are functions of the sizes and strides alone.
/// </summary>
public sealed unsafe class Gemm<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Up to this many multiply-adds the packing of blocks costs more than it saves.</summary>
    private const long SmallProduct = 1024;

    private readonly int _m;
    private readonly int _n;
    private readonly int _k;
    private readonly MatrixStrides _a;
    private readonly MatrixStrides _b;
    private readonly Algorithm _algorithm;
    private readonly BlockedProduct<T>? _blocked;

    /// <param name="entries">How many products of this kind, of a batch, may run at the same time: many are cut into fewer units each, and each unit packs for itself.</param>
    public Gemm(int m, int n, int k, MatrixStrides a, MatrixStrides b, long entries = 1)
    {
        (_m, _n, _k, _a, _b) = (m, n, k, a, b);
        _algorithm = Choose(m, n, k);
        switch (_algorithm)
        {
            case Algorithm.Empty:
                UnitCount = 0;
                break;
            case Algorithm.MatrixVector:
                (UnitCount, WorkspaceBytes) = (MatrixVectorProduct.UnitCount(m, k), MatrixVectorProduct.WorkspaceElements(m, k) * sizeof(T));
                break;
            case Algorithm.VectorMatrix:
                (UnitCount, WorkspaceBytes) = (MatrixVectorProduct.UnitCount(n, k), MatrixVectorProduct.WorkspaceElements(n, k) * sizeof(T));
                break;
            case Algorithm.Blocked:
                _blocked = new BlockedProduct<T>(m, n, k, a, b, entries);
                (UnitCount, WorkspaceBytes) = (_blocked.UnitCount, _blocked.WorkspaceElements * sizeof(T));
                (StageCount, SharedBytes) = (_blocked.StageCount, _blocked.SharedElements * sizeof(T));
                break;
        }
    }

    private enum Algorithm
    {
        Empty,
        Small,
        MatrixVector,
        VectorMatrix,
        Blocked,
    }

    /// <summary>How many units the product has; 0 when C is empty.</summary>
    public int UnitCount { get; } = 1;

    public int StageCount { get; } = 1;

    /// <summary>Bytes of workspace for one running unit; 64-byte alignment serves best.</summary>
    public long WorkspaceBytes { get; }

    /// <summary>Bytes that the units of a run share; 64-byte alignment serves best.</summary>
    public long SharedBytes { get; }

    /// <summary>The unit behind the last of a stage.</summary>
    public int StageEnd(int stage) => _blocked is null ? UnitCount : _blocked.StageEnd(stage);

    /// <summary>Whether a unit finishes its rectangle of C; others prepare what they read, or sum a part of the depth.</summary>
    public bool Finishes(int unit) => _blocked is null || _blocked.Finishes(unit);

    /// <summary>The rectangle of C that a unit that finishes one writes.</summary>
    public Block BlockOf(int unit)
    {
        switch (_algorithm)
        {
            case Algorithm.MatrixVector:
                var (row, rows) = MatrixVectorProduct.RowsOf(_m, _k, unit);
                return new Block(row, rows, 0, 1);
            case Algorithm.VectorMatrix:
                var (column, columns) = MatrixVectorProduct.RowsOf(_n, _k, unit);
                return new Block(0, 1, column, columns);
            case Algorithm.Blocked:
                return _blocked!.BlockOf(unit);
            default:
                return new Block(0, _m, 0, _n);
        }
    }

    /// <summary>Runs one unit of [0, <see cref="UnitCount"/>).</summary>
    public void Run(T* a, T* b, T* c, long ldc, void* workspace, void* shared, int unit)
    {
        Matrix<T> left = new(a, _a), right = new(b, _b);
        switch (_algorithm)
        {
            case Algorithm.Empty:
                break;
            case Algorithm.Small:
                SmallGemm.Run(left, right, c, ldc, _m, _n, _k);
                break;
            case Algorithm.MatrixVector:
                MatrixVectorProduct.Run(left, b, _b.Row, c, ldc, _m, _k, (T*)workspace, unit);
                break;
            case Algorithm.VectorMatrix:
                MatrixVectorProduct.Run(right.Transposed, a, _a.Column, c, 1, _n, _k, (T*)workspace, unit);
                break;
            default:
                if (Vector512.IsHardwareAccelerated)
                    _blocked!.Run<Lanes512<T>>(left, right, c, ldc, (T*)workspace, (T*)shared, unit);
                else if (Vector256.IsHardwareAccelerated)
                    _blocked!.Run<Lanes256<T>>(left, right, c, ldc, (T*)workspace, (T*)shared, unit);
                else if (Vector128.IsHardwareAccelerated)
                    _blocked!.Run<Lanes128<T>>(left, right, c, ldc, (T*)workspace, (T*)shared, unit);
                else
                    _blocked!.Run<ScalarLanes<T>>(left, right, c, ldc, (T*)workspace, (T*)shared, unit);
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
