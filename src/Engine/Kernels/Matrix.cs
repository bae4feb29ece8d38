namespace Gradients.Engine.Kernels;

/// <summary>A borrowed matrix: element (i, j) is at data[i·rowStride + j·columnStride]. Strides count elements and may be 0 or negative.</summary>
public readonly unsafe struct Matrix<T>(T* data, long rowStride, long columnStride)
    where T : unmanaged
{
    public T* Data { get; } = data;

    public long RowStride { get; } = rowStride;

    public long ColumnStride { get; } = columnStride;

    /// <summary>The same elements with rows and columns exchanged.</summary>
    public Matrix<T> Transposed => new(Data, ColumnStride, RowStride);

    internal T* At(long row, long column) => Data + row * RowStride + column * ColumnStride;
}
