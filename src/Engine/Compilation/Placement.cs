using System.Runtime.InteropServices;

namespace Gradients.Engine.Compilation;

/// <summary>
/// Gives temporaries their offsets in the arena: a value lives from the instruction that writes it to the one that reads it
/// last. What may be written over an input that dies there takes its place over.
/// </summary>
internal static class Placement
{
    /// <param name="takeovers">Storages whose places others may take over; the drafts refer to it.</param>
    public static ArenaPlan Of(Instruction[] instructions, List<StorageDraft> drafts, List<int> takeovers)
    {
        var storages = CollectionsMarshal.AsSpan(drafts);
        var lastUse = LastUses(instructions, storages.Length);

        // For each instruction the storages that it uses last, as lists through the storages. Nothing writes the place of a
        // product that became part of a chain.
        var dying = new int[instructions.Length];
        var next = new int[storages.Length];
        var taken = new bool[storages.Length];
        Array.Fill(dying, -1);
        for (var s = storages.Length - 1; s >= 0; s--)
        {
            if (storages[s].Kind == StorageKind.Arena && lastUse[s] >= 0)
                (next[s], dying[lastUse[s]]) = (dying[lastUse[s]], s);
        }

        var arena = new ArenaPlan();
        for (var i = 0; i < instructions.Length; i++)
        {
            foreach (var operand in instructions[i].Outputs)
            {
                ref var draft = ref storages[operand.Storage];
                if (draft.Kind != StorageKind.Arena)
                    continue;
                var place = -1;
                foreach (var candidate in CollectionsMarshal.AsSpan(takeovers).Slice(draft.FirstTakeover, draft.TakeoverCount))
                {
                    ref var other = ref storages[candidate];
                    if (place < 0 && lastUse[candidate] == i && !taken[candidate] && other.Kind == StorageKind.Arena && other.Bytes == draft.Bytes)
                        place = candidate;
                }

                if (place >= 0)
                    taken[place] = true;
                draft.Offset = place >= 0 ? storages[place].Offset : arena.Take(draft.Bytes);
            }

            PlaceWorkspace(arena, ref instructions[i]);
            for (var s = dying[i]; s >= 0; s = next[s])
            {
                if (!taken[s])
                    arena.Give(storages[s].Offset, storages[s].Bytes);
            }
        }

        return arena;
    }

    /// <summary>By storage, the last instruction that reads or writes it; −1 when none does.</summary>
    private static int[] LastUses(Instruction[] instructions, int storages)
    {
        var lastUse = new int[storages];
        Array.Fill(lastUse, -1);
        for (var i = 0; i < instructions.Length; i++)
        {
            foreach (var operand in instructions[i].Inputs)
                lastUse[operand.Storage] = i;
            foreach (var operand in instructions[i].Outputs)
                lastUse[operand.Storage] = i;
        }

        return lastUse;
    }

    private static void PlaceWorkspace(ArenaPlan arena, ref Instruction instruction)
    {
        long workspace = instruction.Kernel.WorkspaceBytes, shared = instruction.Kernel.SharedBytes;
        if (workspace == 0 && shared == 0)
            return;
        instruction = instruction with { WorkspaceOffset = arena.Take(workspace), SharedOffset = arena.Take(shared) };
        arena.Give(instruction.WorkspaceOffset, workspace);
        arena.Give(instruction.SharedOffset, shared);
    }
}
