using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>Short forms of the contract's messages, in float32.</summary>
internal static class Wire
{
    public static V1.Tensor Tensor(float[] elements, params long[] shape) =>
        new() { DataType = V1.DataType.Float32, Shape = { shape }, Raw = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(elements)) };

    public static V1.Tensor Vector(params float[] elements) => Tensor(elements, elements.Length);

    public static V1.Tensor Scalar(float value) => Tensor([value]);

    public static float[] Floats(V1.Tensor tensor)
    {
        Assert.Equal(V1.DataType.Float32, tensor.DataType);
        return MemoryMarshal.Cast<byte, float>(tensor.Raw.Span).ToArray();
    }

    public static V1.Node Node(ulong id, string op, params ulong[] inputs) => new() { Id = id, Op = op, Inputs = { inputs } };

    public static V1.Node Input(ulong id, params long[] shape) => Source(id, "Input", shape);

    public static V1.Node Variable(ulong id, params long[] shape) => Source(id, "Variable", shape);

    public static V1.Node Constant(ulong id, V1.Tensor value) =>
        new() { Id = id, Op = "Constant", Attributes = { new V1.Attribute { Name = "value", Tensor = value } } };

    /// <summary>The sum over all elements, a scalar.</summary>
    public static V1.Node Sum(ulong id, ulong input) =>
        new() { Id = id, Op = "ReduceSum", Inputs = { input }, Attributes = { new V1.Attribute { Name = "keepdims", IntValue = 0 } } };

    public static V1.Feed Feed(ulong node, V1.Tensor tensor) => new() { Node = node, Tensor = tensor };

    public static V1.Fetch Fetch(ulong value) => new() { Value = value };

    public static V1.Root Root(ulong value) => new() { Value = value };

    public static V1.RequestId Id(ulong number) => new() { ClientId = ByteString.CopyFrom(Enumerable.Repeat((byte)9, 16).ToArray()), Number = number };

    public static string Reason(RpcException e) => Reason(e.GetRpcStatus()!);

    public static string Reason(Google.Rpc.Status status) => status.GetDetail<ErrorInfo>()!.Reason;

    /// <summary>Runs the call and demands this code and reason.</summary>
    public static async Task<RpcException> RefusedAsync(StatusCode code, string reason, Func<Task> call)
    {
        var e = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal((code, reason), (e.StatusCode, Reason(e)));
        return e;
    }

    private static V1.Node Source(ulong id, string op, long[] shape)
    {
        var type = new V1.TensorType { DataType = V1.DataType.Float32, Dimensions = { shape.Select(d => new V1.Dimension { Size = d }) } };
        return new() { Id = id, Op = op, Attributes = { new V1.Attribute { Name = "type", Type = type } } };
    }
}
