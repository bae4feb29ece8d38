using Google.Protobuf;

namespace Gradients.Server.Sessions;

/// <summary>The control part of a reply, as it is kept for repeated requests.</summary>
internal static class StoredReply
{
    /// <summary>A copy, taken before tensors are filled in, and without the profile.</summary>
    public static IMessage Of(IMessage reply)
    {
        switch (reply)
        {
            case V1.ForwardResponse forward:
                var keptForward = forward.Clone();
                keptForward.Profile = null;
                return keptForward;
            case V1.BackwardResponse backward:
                var keptBackward = backward.Clone();
                keptBackward.Profile = null;
                return keptBackward;
            case V1.SetVariablesResponse r:
                return r.Clone();
            case V1.ApplyGradientsResponse r:
                return r.Clone();
            case V1.TrainResponse r:
                return r.Clone();
            case V1.CreateSessionResponse r:
                return r.Clone();
            default:
                // Replies of other requests hold no more than a few numbers and are not changed after they are made.
                return reply;
        }
    }
}
