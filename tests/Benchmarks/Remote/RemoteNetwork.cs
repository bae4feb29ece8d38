using Google.Protobuf;
using Gradients.Benchmarks.Steps;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Remote;

/// <summary>A network in a session of a server, and the request of its step.</summary>
internal static class RemoteNetwork
{
    /// <summary>Defines the network in a new session; returns Backward with the loss, all gradients returned.</summary>
    public static async Task<V1.BackwardRequest> OpenAsync(V1.SessionService.SessionServiceClient sessions, Network network)
    {
        var session = (await sessions.CreateSessionAsync(new V1.CreateSessionRequest())).Session.Name;
        await sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { network.Nodes.Select(n => Wire(n, network)) } });
        await sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = session, Updates = { network.Parameters.Select(id => new V1.VariableUpdate { Variable = id, Tensor = Wire(network.Values[id]) }) } });
        return new V1.BackwardRequest
        {
            Session = session,
            Feeds = { network.Values.Where(v => !network.Parameters.Contains(v.Key)).Select(v => new V1.Feed { Node = v.Key, Tensor = Wire(v.Value) }) },
            Fetches = { new V1.Fetch { Value = network.Output } },
            Roots = { new V1.Root { Value = network.Output } },
        };
    }

    private static V1.Node Wire(NodeSpec node, Network network)
    {
        var wire = new V1.Node { Id = node.Id, Op = node.Op, Inputs = { node.Inputs } };
        if (network.Values.TryGetValue(node.Id, out var value))
            wire.Attributes.Add(new V1.Attribute { Name = "type", Type = new V1.TensorType { DataType = (V1.DataType)value.DataType, Dimensions = { value.Shape.Dimensions.ToArray().Select(d => new V1.Dimension { Size = d }) } } });
        else if (node.Op == "Gemm")
            wire.Attributes.Add(new V1.Attribute { Name = "transB", IntValue = 1 });
        return wire;
    }

    private static V1.Tensor Wire(Tensor value) => new() { DataType = (V1.DataType)value.DataType, Shape = { value.Shape.Dimensions.ToArray() }, Raw = ByteString.CopyFrom(value.AsBytes()) };
}
