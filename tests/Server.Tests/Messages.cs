using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace Gradients.Server.Tests;

/// <summary>Short forms of the contract's messages.</summary>
internal static class Messages
{
    public static V1.Tensor Tensor(double[] elements, params long[] shape) =>
        new() { DataType = V1.DataType.Float64, Shape = { shape }, Raw = ByteString.CopyFrom(MemoryMarshal.AsBytes<double>(elements)) };

    public static double[] Elements(V1.Tensor tensor)
    {
        Assert.Equal(V1.DataType.Float64, tensor.DataType);
        return MemoryMarshal.Cast<byte, double>(tensor.Raw.Span).ToArray();
    }

    public static V1.TensorType Type(params long[] shape) =>
        new() { DataType = V1.DataType.Float64, Dimensions = { shape.Select(d => new V1.Dimension { Size = d }) } };

    public static V1.Node Node(ulong id, string op, params ulong[] inputs) => new() { Id = id, Op = op, Inputs = { inputs } };

    public static V1.Node Input(ulong id, params long[] shape) => Source(id, "Input", shape);

    public static V1.Node Variable(ulong id, params long[] shape) => Source(id, "Variable", shape);

    public static V1.Feed Feed(ulong node, V1.Tensor tensor) => new() { Node = node, Tensor = tensor };

    public static V1.Fetch Fetch(ulong value) => new() { Value = value };

    public static V1.Root Root(ulong value, V1.Tensor? cotangent = null) => new() { Value = value, Cotangent = cotangent };

    public static V1.RequestId Id(ulong number, byte client = 7) => new() { ClientId = ByteString.CopyFrom(Enumerable.Repeat(client, 16).ToArray()), Number = number };

    /// <summary>Runs the call, demands that it fails with this code and reason, and returns the status.</summary>
    public static async Task<Google.Rpc.Status> RefusedAsync(StatusCode code, string reason, Func<Task> call)
    {
        var e = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(e.StatusCode == code, $"{e.Status}");
        var status = e.GetRpcStatus();
        Assert.NotNull(status);
        Check(status, code, reason);
        return status;
    }

    public static void Check(Google.Rpc.Status status, StatusCode code, string reason)
    {
        var info = status.GetDetail<ErrorInfo>();
        Assert.NotNull(info);
        Assert.Equal((reason, "gradients.v1", (int)code), (info.Reason, info.Domain, status.Code));
    }

    private static V1.Node Source(ulong id, string op, long[] shape) =>
        new() { Id = id, Op = op, Attributes = { new V1.Attribute { Name = "type", Type = Type(shape) } } };
}
