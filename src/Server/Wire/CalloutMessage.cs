using Gradients.Engine.Execution;
using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;
using Gradients.Server.Limits;
using Gradients.Server.Sessions;

namespace Gradients.Server.Wire;

/// <summary>A call-out as the contract tells it. Keeps in the session what no message has room for, until disposed.</summary>
internal sealed class CalloutMessage(ServerSession session, ulong id) : IDisposable
{
    private readonly List<ulong> _handles = [];

    public V1.CalloutRequest Request { get; } = new() { Callout = id };

    /// <summary>Refers to the call-out's tensors, which must outlive the message.</summary>
    /// <exception cref="Engine.GradientsException">MEMORY_BUDGET_EXCEEDED, SESSION_QUOTA.</exception>
    public void Write(Callout callout, long maxBytes, WireCharge wire)
    {
        Request.Node = callout.Node;
        Request.Name = callout.Name;
        Request.Phase = callout.Phase == CalloutPhase.Forward ? V1.CalloutPhase.Forward : V1.CalloutPhase.Backward;
        Request.Wanted.AddRange(callout.Wanted.Select(w => (uint)w));
        Request.Types_.AddRange(callout.Values.Select(WireTypes.Write));
        using var reply = new Reply(Request);
        var room = Reply.Room(maxBytes);
        V1.Tensor Describe(CalloutTensor shown)
        {
            var wireTensor = Reply.Describe(shown.Type.DataType, shown.Type.Shape);
            if (shown.Tensor is not { } tensor)
                return wireTensor;
            if (tensor.ByteCount > room)
            {
                _handles.Add(session.Engine.AddTensor(tensor.Share()));
                wireTensor.Handle = ResourceNames.Tensor(_handles[^1]);
                return wireTensor;
            }

            room -= tensor.ByteCount;
            return reply.Add(tensor);
        }

        Request.Inputs.AddRange(callout.Inputs.Select(Describe));
        Request.Outputs.AddRange(callout.Outputs.Select(Describe));
        Request.Cotangents.AddRange(callout.Cotangents.Select(Describe));
        reply.Fill(maxBytes, maxBytes, wire);
    }

    public void Dispose()
    {
        foreach (var handle in _handles)
            session.Engine.ReleaseTensor(handle);
    }
}
