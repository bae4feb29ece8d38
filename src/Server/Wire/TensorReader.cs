using System.Collections.ObjectModel;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;

namespace Gradients.Server.Wire;

/// <summary>
/// Turns tensors of one request into engine tensors: checked, and copied only where the message does not have them in pooled
/// memory already. It owns what it made until disposed, which must be after the engine has answered.
/// </summary>
/// <param name="tenant">Whose part of the memory budget they count to.</param>
/// <param name="handles">Finds a tensor by handle, as a share; null where there are none.</param>
internal sealed class TensorReader(EngineHost host, TenantShare tenant, Func<ulong, Tensor>? handles, GradientsServerOptions limits) : IDisposable
{
    private readonly List<Tensor> _owned = [];

    public GradientsServerOptions Limits => limits;

    /// <exception cref="GradientsException">INVALID_FIELD, CONTENT_SIZE_MISMATCH, TENSOR_NOT_FOUND, MEMORY_BUDGET_EXCEEDED and more.</exception>
    public Tensor Read(V1.Tensor? wire, FieldPath field)
    {
        var tensor = wire?.ContentCase switch
        {
            V1.Tensor.ContentOneofCase.Raw or V1.Tensor.ContentOneofCase.Values => FromContent(wire, field),
            V1.Tensor.ContentOneofCase.Handle => FromHandle(wire, field),
            _ => throw Refusals.Field(field.ToString(), "a tensor with content is required."),
        };
        _owned.Add(tensor);
        return tensor;
    }

    /// <summary>The tensor as part of a graph: copied, and independent of its handle from now on.</summary>
    public ConstantData ReadConstant(V1.Tensor? wire, FieldPath field)
    {
        if (wire?.ContentCase is V1.Tensor.ContentOneofCase.Raw or V1.Tensor.ContentOneofCase.Values)
        {
            var (type, shape, bytes) = Content(wire, field);
            return new ConstantData(type, shape, bytes.Span);
        }

        var tensor = Read(wire, field);
        return new ConstantData(tensor.DataType, tensor.Shape, tensor.AsBytes());
    }

    public IReadOnlyDictionary<ulong, Tensor> ReadFeeds(IList<V1.Feed> feeds, string field = "feeds")
    {
        if (feeds.Count == 0)
            return ReadOnlyDictionary<ulong, Tensor>.Empty;
        CheckCount(feeds.Count, field);
        var read = new Dictionary<ulong, Tensor>(feeds.Count);
        for (var i = 0; i < feeds.Count; i++)
        {
            if (!read.TryAdd(feeds[i].Node, Read(feeds[i].Tensor, new FieldPath(field, i, "tensor"))))
                throw Refusals.Field($"{field}[{i}].node", $"node {feeds[i].Node} is fed twice.");
        }

        return read;
    }

    /// <exception cref="GradientsException">LIMIT_EXCEEDED.</exception>
    public void CheckCount(int count, string field)
    {
        if (count > limits.MaxValuesPerRequest)
            throw Refusals.OverLimit(field, "max_values_per_request", limits.MaxValuesPerRequest, count);
    }

    public void Dispose()
    {
        foreach (var tensor in _owned)
            tensor.Dispose();
    }

    /// <summary>Bytes of bools are 0 or 1, or kernels would read truth values that are neither.</summary>
    public static void CheckBools(DataType type, ReadOnlySpan<byte> bytes, FieldPath field)
    {
        if (type == DataType.Bool && bytes.IndexOfAnyExceptInRange((byte)0, (byte)1) is >= 0 and var at)
            throw Refusals.Field(field.ToString(), $"byte {at} of a bool tensor is {bytes[at]}; it must be 0 or 1.");
    }

    private Tensor FromContent(V1.Tensor wire, FieldPath field)
    {
        var (type, shape, bytes) = Content(wire, field);
        return wire.ContentCase == V1.Tensor.ContentOneofCase.Raw && PooledContent.Share(wire.Raw, tenant.Bytes) is { } buffer
            ? new Tensor(type, shape, buffer)
            : Tensor.FromBytes(host.Pool, type, shape, bytes.Span, "request", tenant.Bytes);
    }

    private (DataType Type, Shape Shape, ReadOnlyMemory<byte> Bytes) Content(V1.Tensor wire, FieldPath field)
    {
        if (wire.ContentCase == V1.Tensor.ContentOneofCase.Values)
        {
            var (listed, length, bytes) = TensorLists.Read(wire, field.ToString(), Math.Min(limits.MaxListBytes, limits.MaxTensorBytes));
            host.Metrics.Received(bytes.Length);
            return (listed, length, bytes);
        }

        var (type, shape) = Check(wire, field);
        host.Metrics.Received(wire.Raw.Length);
        return (type, shape, wire.Raw.Memory);
    }

    private (DataType Type, Shape Shape) Check(V1.Tensor wire, FieldPath field)
    {
        var type = WireTypes.Read(wire.DataType, field with { Leaf = "data_type" });
        var shape = WireTypes.ReadShape(wire.Shape, field with { Leaf = "shape" });
        var bytes = shape.ElementCount * type.Size();
        if (bytes > limits.MaxTensorBytes)
            throw Refusals.OverLimit(field.ToString(), "max_tensor_bytes", limits.MaxTensorBytes, bytes);
        if (wire.Raw.Length != bytes)
        {
            throw GradientsException.Invalid(ErrorReasons.ContentSizeMismatch, $"{field}: a {type.Name()} tensor of shape {shape} has {bytes} bytes; {wire.Raw.Length} were sent.")
                .With("field", field.ToString()).With("shapes", shape.ToString());
        }

        CheckBools(type, wire.Raw.Span, field);
        return (type, shape);
    }

    private Tensor FromHandle(V1.Tensor wire, FieldPath field)
    {
        if (handles is null)
            throw Refusals.Field(field.ToString(), "handles name tensors of a session; here the elements are required.");
        var tensor = handles(ResourceNames.Parse(wire.Handle, ResourceNames.Tensors, $"{field}.handle"));
        try
        {
            if (wire.DataType != V1.DataType.Unspecified && WireTypes.Read(wire.DataType, field with { Leaf = "data_type" }) != tensor.DataType)
                throw GradientsException.Invalid(ErrorReasons.DataTypeMismatch, $"{field}: the handle holds {tensor.DataType.Name()}.").With("field", field.ToString());
            if (wire.Shape.Count > 0 && !WireTypes.ReadShape(wire.Shape, field with { Leaf = "shape" }).Equals(tensor.Shape))
                throw GradientsException.Invalid(ErrorReasons.ShapeMismatch, $"{field}: the handle has shape {tensor.Shape}.").With("field", field.ToString()).With("shapes", tensor.Shape.ToString());
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }
}
