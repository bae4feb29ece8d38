using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
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

    public static IEnumerable<V1.FetchedValue> Write(IList<V1.Fetch> fetches, IReadOnlyList<Tensor> values, Reply reply, ServerSession? session)
    {
        for (var i = 0; i < fetches.Count; i++)
            yield return new V1.FetchedValue { Value = fetches[i].Value, Tensor = fetches[i].AsHandle ? Keep(values[i], session!) : reply.Add(values[i]) };
    }

    /// <summary>A share of the tensor stays in the session.</summary>
    public static V1.Tensor Keep(Tensor value, ServerSession session)
    {
        var wire = Reply.Describe(value);
        wire.Handle = ResourceNames.Tensor(session.Engine.AddTensor(value.Share()));
        return wire;
    }
}
