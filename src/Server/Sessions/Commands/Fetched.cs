using Google.Protobuf.Collections;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
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
    /// <exception cref="Engine.GradientsException">INVALID_FIELD: no such format.</exception>
    public static ReplyLimit Limit(IList<V1.Fetch> fetches, bool inlineGradients, V1.TensorFormat format, GradientsServerOptions options, WireCharge wire)
    {
        var lists = TensorLists.AreAsked(format);
        var room = Reply.Room(options.MaxMessageBytes);
        // A float32 in a list has 8 bytes in the message too.
        var inline = new bool[fetches.Count];
        for (var i = 0; i < inline.Length; i++)
            inline[i] = !fetches[i].AsHandle;
        return new ReplyLimit(lists ? Math.Min(options.MaxListBytes, room / 2) : room, inline, inlineGradients)
        {
            Reserve = bytes => wire.Ensure(Reply.Cost(bytes, lists)),
            Name = lists ? "max_list_bytes" : "max_message_bytes",
        };
    }

    /// <summary>Adds the values to a reply's.</summary>
    public static void Write(RepeatedField<V1.FetchedValue> into, IList<V1.Fetch> fetches, IReadOnlyList<Tensor> values, Reply reply, ServerSession? session)
    {
        into.Capacity = fetches.Count;
        for (var i = 0; i < fetches.Count; i++)
            into.Add(new V1.FetchedValue { Value = fetches[i].Value, Tensor = fetches[i].AsHandle ? Keep(values[i], session!) : reply.Add(values[i]) });
    }

    /// <summary>A share of the tensor stays in the session.</summary>
    public static V1.Tensor Keep(Tensor value, ServerSession session)
    {
        var wire = Reply.Describe(value);
        wire.Handle = ResourceNames.Tensor(session.Engine.AddTensor(value.Share(), isResult: true));
        return wire;
    }
}
