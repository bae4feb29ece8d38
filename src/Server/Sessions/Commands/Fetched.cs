using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Limits;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

/// <summary>Values and gradients as a reply tells them: by content, or kept in the session under a handle.</summary>
internal static class Fetched
{
    public static ulong[] Ids(IList<V1.Fetch> fetches, TensorReader tensors, bool handles)
    {
        tensors.CheckCount(fetches.Count, "fetches");
        var ids = new ulong[fetches.Count];
        for (var i = 0; i < ids.Length; i++)
        {
            if (fetches[i].AsHandle && !handles)
                throw Refusals.Field($"fetches[{i}].as_handle", "handles are for sessions.");
            ids[i] = fetches[i].Value;
        }

        return ids;
    }

    /// <summary>What of a request's results its reply carries, for the engine to refuse a reply that no message could hold.</summary>
    /// <param name="wire">Where the reply's memory is reserved before anything is executed.</param>
    public static ReplyLimit Limit(IList<V1.Fetch> fetches, bool inlineGradients, long maxMessageBytes, WireCharge wire) =>
        new(Reply.Room(maxMessageBytes), [.. fetches.Select(f => !f.AsHandle)], inlineGradients) { Reserve = bytes => wire.Ensure(bytes) };

    public static IEnumerable<V1.FetchedValue> Write(IList<V1.Fetch> fetches, IReadOnlyList<Tensor> values, Reply reply, ServerSession? session)
    {
        for (var i = 0; i < fetches.Count; i++)
            yield return new V1.FetchedValue { Value = fetches[i].Value, Tensor = fetches[i].AsHandle ? Keep(values[i], session!) : reply.Add(values[i]) };
    }

    /// <summary>A share of the tensor stays in the session.</summary>
    public static V1.Tensor Keep(Tensor value, ServerSession session)
    {
        var wire = Reply.Describe(value);
        wire.Handle = ResourceNames.Tensor(session.Engine.AddTensor(value.Share(), isResult: true));
        return wire;
    }
}
