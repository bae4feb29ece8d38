namespace Gradients.Engine.Kernels;

/// <summary>Elements from one row, and from one column, to the next; they may be 0 or negative.</summary>
public readonly record struct MatrixStrides(long Row, long Column);

/// <summary>A borrowed matrix: element (i, j) is at data[i·row + j·column] of its strides.</summary>
internal readonly unsafe struct Matrix<T>(T* data, MatrixStrides strides)
    where T : unmanaged
{
    public T* Data { get; } = data;

    public long RowStride { get; } = strides.Row;

    public long ColumnStride { get; } = strides.Column;

    /// <summary>The same elements with rows and columns exchanged.</summary>
    public Matrix<T> Transposed => new(Data, new MatrixStrides(ColumnStride, RowStride));

    public T* At(long row, long column) => Data + row * RowStride + column * ColumnStride;
}
