using Gradients.Engine.Graph;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Ops;

/// <summary>Brings a reduction over any axes to the form [outer, reduce, inner] by views.</summary>
internal static class AxisForm
{
    /// <summary>
    /// Neighbouring reduced axes are one; sums go group by group from the innermost, which copies nothing. The others
    /// are not associative with their derivatives (ties are shared among all), so their groups are brought together.
    /// </summary>
    public static Node Apply(AxisReductionOp op, Node x, ReadOnlySpan<long> axes, bool keepDims)
    {
        var reduced = new bool[x.Shape.Rank];
        foreach (var axis in axes)
            reduced[x.Shape.Axis(axis)] = true;
        var result = ResultShape(x.Shape, reduced, keepDims);
        var groups = Groups(x.Shape, reduced);
        if (op is not SumAxisOp && groups.Count(g => g.Reduced) > 1)
            (x, groups) = BringTogether(x, groups);
        var any = false;
        for (var i = groups.Count - 1; i >= 0; i--)
        {
            if (!groups[i].Reduced)
                continue;
            any = true;
            x = Reduce(op, x, groups.Take(i), groups[i].Size, groups.Skip(i + 1));
            groups.RemoveAt(i);
        }

        if (!any)
            x = Reduce(op, x, groups, 1, []);
        return x.Reshape(result);
    }

    private static Node Reduce(AxisReductionOp op, Node x, IEnumerable<(long Size, bool Reduced)> outer, long reduce, IEnumerable<(long Size, bool Reduced)> inner)
    {
        var form = new Shape(outer.Aggregate(1L, (n, g) => n * g.Size), reduce, inner.Aggregate(1L, (n, g) => n * g.Size));
        return x.Builder.Add(op, x.Reshape(form));
    }

    private static Shape ResultShape(Shape shape, bool[] reduced, bool keepDims)
    {
        var sizes = new List<long>();
        for (var d = 0; d < shape.Rank; d++)
        {
            if (!reduced[d])
                sizes.Add(shape[d]);
            else if (keepDims)
                sizes.Add(1);
        }

        return new Shape([.. sizes]);
    }

    /// <summary>Products of runs of dimensions that are all reduced or all kept; a size of 1 belongs to any run.</summary>
    private static List<(long Size, bool Reduced)> Groups(Shape shape, bool[] reduced)
    {
        var groups = new List<(long Size, bool Reduced)>();
        for (var d = 0; d < shape.Rank; d++)
        {
            if (shape[d] == 1)
                continue;
            if (groups.Count > 0 && groups[^1].Reduced == reduced[d])
                groups[^1] = (groups[^1].Size * shape[d], reduced[d]);
            else
                groups.Add((shape[d], reduced[d]));
        }

        return groups;
    }

    private static (Node, List<(long Size, bool Reduced)>) BringTogether(Node x, List<(long Size, bool Reduced)> groups)
    {
        var order = Enumerable.Range(0, groups.Count).OrderBy(i => groups[i].Reduced).Select(i => (long)i).ToArray();
        var moved = x.Reshape(new Shape([.. groups.Select(g => g.Size)])).Transpose(order);
        long Product(bool reduced) => groups.Where(g => g.Reduced == reduced).Aggregate(1L, (n, g) => n * g.Size);
        return (moved, [(Product(false), false), (Product(true), true)]);
    }
}
