using Gradients.Engine.Sessions;

namespace Gradients.Server.Wire;

internal static class ProfileWriter
{
    public static V1.Profile? Write(ExecutionProfile? profile)
    {
        if (profile is null)
            return null;
        var written = new V1.Profile
        {
            QueueNanoseconds = Nanoseconds(profile.Queue),
            PlanNanoseconds = Nanoseconds(profile.Plan),
            ExecuteNanoseconds = Nanoseconds(profile.Execute),
            PlanCacheHit = profile.PlanCacheHit,
            ArenaBytes = (ulong)profile.ArenaBytes,
        };
        foreach (var instruction in profile.Instructions)
        {
            written.OpCount += (ulong)instruction.Nodes.Count;
            written.Flops += (ulong)instruction.Flops;
            written.Instructions.Add(new V1.ProfileInstruction
            {
                Ops = { instruction.Nodes.Select(n => n.Op) },
                Nodes = { instruction.Nodes.Select(n => n.Id).Where(id => id != 0).Distinct() },
                Phase = instruction.Backward ? V1.ProfilePhase.Backward : V1.ProfilePhase.Forward,
                Nanoseconds = Nanoseconds(instruction.Time),
                Bytes = (ulong)instruction.Bytes,
                Flops = (ulong)instruction.Flops,
            });
        }

        return written;
    }

    private static ulong Nanoseconds(TimeSpan time) => (ulong)Math.Max(0, time.TotalNanoseconds);
}
