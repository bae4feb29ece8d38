using Gradients.Client.Protocol;
using Gradients.Engine;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Grpc.Core;

namespace Gradients.Client.Transport;

/// <summary>The tensors of one request: small ones travel in it, the others are uploaded before and released after.</summary>
internal sealed class RequestTensors(TransferLimits limits)
{
    private readonly List<(V1.Tensor Message, TensorData Data)> _large = [];
    private readonly List<string> _uploaded = [];
    private long _inlineBytes;
    private Task? _upload;

    /// <summary>Handles to release once the request is done.</summary>
    public IReadOnlyList<string> Uploaded => _uploaded;

    /// <summary>What does not travel in the request itself.</summary>
    public IReadOnlyList<(V1.Tensor Message, TensorData Data)> Large => _large;

    public V1.Tensor Add(TensorData data)
    {
        if (data.ByteCount <= limits.InlineBytes && _inlineBytes + data.ByteCount <= limits.MessageBytes)
        {
            _inlineBytes += data.ByteCount;
            return data.ToMessage();
        }

        var message = new V1.Tensor { DataType = (V1.DataType)data.DataType, Shape = { data.Shape.Dimensions.ToArray() } };
        _large.Add((message, data));
        return message;
    }

    /// <summary>Feeds in their declared types.</summary>
    /// <exception cref="GradientsClientException">A value does not fit the declared type.</exception>
    public IEnumerable<V1.Feed> Add(Feeds? feeds, GraphContext context)
    {
        foreach (var (node, value) in feeds ?? [])
        {
            node.RequireUsableIn(context);
            if (value is TensorHandle handle)
            {
                Check(node, handle.DataType, handle.Shape);
                yield return new V1.Feed { Node = node.Id, Tensor = new V1.Tensor { DataType = (V1.DataType)handle.DataType, Shape = { handle.Shape.Dimensions.ToArray() }, Handle = handle.Name } };
            }
            else
            {
                yield return new V1.Feed { Node = node.Id, Tensor = Add(Fit((TensorData)value, node)) };
            }
        }
    }

    /// <summary>Uploads what is large; once, however often the request is sent.</summary>
    public Task UploadAsync(TensorTransfer transfer, CancellationToken cancellationToken) => _upload ??= UploadLargeAsync(transfer, cancellationToken);

    /// <summary>The value under the node's shape.</summary>
    /// <exception cref="GradientsClientException">It does not fit the node's type.</exception>
    public static TensorData Fit(TensorData data, Node node)
    {
        if (data.IsFlat && node.Shape is { } shape && shape.Rank != 1 && shape.ElementCount == data.Shape.ElementCount)
            data = data.Reshape(shape.Dimensions);
        Check(node, data.DataType, data.Shape);
        return data;
    }

    private static void Check(Node node, DataType dataType, Shape shape)
    {
        var given = new NodeType(dataType, shape).ToString();
        if (node.DataType is { } type && type != dataType)
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.DataTypeMismatch, $"{node} cannot take {given}.", Metadata(node, given));
        if (node.Declared is { } declared ? !Fits(declared, shape) : node.Shape is { } exact && !exact.Equals(shape))
            throw Errors.Local(StatusCode.InvalidArgument, ErrorReasons.ShapeMismatch, $"{node}{(node.Declared is null ? "" : $" declared as {node.Declared}")} cannot take {given}.", Metadata(node, given));
    }

    private static bool Fits(TensorType declared, Shape shape)
    {
        if (declared.Dimensions.Count != shape.Rank)
            return false;
        for (var i = 0; i < shape.Rank; i++)
        {
            if (declared.Dimensions[i] is { Symbol: null, Size: var size } && size != shape[i])
                return false;
        }

        return true;
    }

    private static (string, string)[] Metadata(Node node, string given) =>
        [("node", node.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)), ("op", node.OpType), ("label", node.Label ?? ""), ("shapes", given)];

    private async Task UploadLargeAsync(TensorTransfer transfer, CancellationToken cancellationToken)
    {
        foreach (var (message, data) in _large)
        {
            message.Handle = await transfer.UploadAsync(data, cancellationToken).ConfigureAwait(false);
            _uploaded.Add(message.Handle);
        }
    }
}
