using System.Numerics;
using Gradients.Engine.Kernels;
using Gradients.Engine.Kernels.Attention;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Tests.Kernels;

/// <summary>Attention and its gradient against the formula over whole rows in float64, by which no tile and no running maximum exists.</summary>
public unsafe class AttentionTests
{
    /// <summary>Batch, heads, queries, keys, width, width of values, causal, mask: around tiles of 128, and heads of one unit and of several.</summary>
    public static TheoryData<int, int, int, int, int, int, bool, int> Cases => new()
    {
        { 1, 1, 1, 1, 1, 1, false, 0 },
        { 2, 3, 7, 5, 4, 6, false, 1 },
        { 2, 2, 127, 129, 33, 17, false, 2 },
        { 1, 2, 128, 128, 64, 64, true, 0 },
        { 1, 1, 300, 257, 16, 8, true, 1 },
        { 1, 1, 257, 300, 8, 16, true, 2 },
        { 1, 2, 400, 700, 40, 40, false, 1 },
        { 1, 1, 600, 600, 40, 48, true, 0 },
        { 1, 1, 100, 300, 8, 32, true, 0 },
        { 1, 2, 3, 0, 4, 5, false, 0 },
        { 0, 2, 3, 2, 4, 5, false, 0 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_the_formula(int batch, int heads, int queries, int keys, int width, int valueWidth, bool isCausal, int mask)
    {
        Check<float>(new(batch, heads, queries, keys, width, valueWidth, 0.3, isCausal, (MaskKind)mask), 4e-5);
        Check<double>(new(batch, heads, queries, keys, width, valueWidth, 0.3, isCausal, (MaskKind)mask), 1e-12);
    }

    private static void Check<T>(AttentionShape s, double tolerance)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var random = new Random(5);
        T[] Draw(long count, double size = 1) => [.. Enumerable.Range(0, (int)count).Select(_ => T.CreateTruncating((random.NextDouble() - 0.5) * size))];
        // Rows of q and k lie apart, as those of a transposed tensor do: [B, T, H, D] seen as [B, H, T, D].
        T[] q = Draw(s.HeadCount * s.Queries * s.Width, 6), k = Draw(s.HeadCount * s.Keys * s.Width, 6), v = Draw(s.HeadCount * s.Keys * s.ValueWidth), g = Draw(s.YElements);
        var additive = Draw((long)s.Queries * s.Keys);
        var keeps = Enumerable.Range(0, s.Queries * s.Keys).Select(_ => (byte)random.Next(2)).ToArray();
        for (var j = 0; j < s.Keys; j++)
        {
            // Query 0 sees nothing; query 1 only what lies behind the first tile.
            keeps[j] = 0;
            additive[j] = T.NegativeInfinity;
            if (s.Queries > 1 && j < 128)
                (keeps[s.Keys + j], additive[s.Keys + j]) = (0, T.NegativeInfinity);
        }

        HeadLayout apartQ = Apart(s.Heads, s.Queries, s.Width), apartK = Apart(s.Heads, s.Keys, s.Width), denseV = Dense(s.Heads, s.Keys, s.ValueWidth), denseG = Dense(s.Heads, s.Queries, s.ValueWidth);
        HeadLayout masked = new(0, 0, s.Keys, 1);
        fixed (T* pq = q, pk = k, pv = v, pg = g, pa = additive)
        fixed (byte* pb = keeps)
        {
            var mask = s.Mask == MaskKind.Boolean ? (void*)pb : pa;
            HeadLayout[] forward = [apartQ, apartK, denseV], backward = [apartQ, apartK, denseV, denseG];
            var y = Run<T>(new AttentionKernel<T>(s, s.Mask == MaskKind.None ? forward : [.. forward, masked]), [(nint)pq, (nint)pk, (nint)pv, (nint)mask], s.YElements + (s.HeadCount * s.Queries));
            fixed (T* py = y)
            {
                var gradient = Run<T>(new AttentionGradientKernel<T>(s, s.Mask == MaskKind.None ? backward : [.. backward, masked]), [(nint)pq, (nint)pk, (nint)pv, (nint)pg, (nint)py, (nint)mask], q.Length + k.Length + v.Length);
                for (var head = 0; head < s.HeadCount; head++)
                    CheckHead(s, head, Rows(pq, apartQ, head, s.Heads, s.Queries, s.Width), Rows(pk, apartK, head, s.Heads, s.Keys, s.Width), Rows(pv, denseV, head, s.Heads, s.Keys, s.ValueWidth), Rows(pg, denseG, head, s.Heads, s.Queries, s.ValueWidth), additive, keeps, y, gradient, tolerance);
            }
        }
    }

    private static HeadLayout Dense(int heads, int rows, int width) => new((long)heads * rows * width, (long)rows * width, width, 1);

    private static HeadLayout Apart(int heads, int rows, int width) => new((long)heads * rows * width, width, (long)heads * width, 1);

    private static double[][] Rows<T>(T* data, HeadLayout layout, int head, int heads, int rows, int width)
        where T : unmanaged, INumber<T> =>
        [.. Enumerable.Range(0, rows).Select(i => Enumerable.Range(0, width).Select(d => double.CreateChecked(data[layout.Start(head, heads) + (i * layout.Row) + d])).ToArray())];

    private static void CheckHead<T>(AttentionShape s, int head, double[][] q, double[][] k, double[][] v, double[][] g, T[] additive, byte[] keeps, T[] y, T[] gradient, double tolerance)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double[][] Zeros(int rows, int width) => [.. Enumerable.Range(0, rows).Select(_ => new double[width])];
        double[][] dq = Zeros(s.Queries, s.Width), dk = Zeros(s.Keys, s.Width), dv = Zeros(s.Keys, s.ValueWidth), expected = Zeros(s.Queries, s.ValueWidth);
        for (var i = 0; i < s.Queries; i++)
        {
            var scores = Enumerable.Range(0, s.Keys).Select(j => s.IsCausal && j > i ? double.NegativeInfinity
                : s.Mask == MaskKind.Boolean && keeps[(i * s.Keys) + j] == 0 ? double.NegativeInfinity
                : (s.Scale * Dot(q[i], k[j])) + (s.Mask == MaskKind.Additive ? double.CreateChecked(additive[(i * s.Keys) + j]) : 0)).ToArray();
            var largest = scores.DefaultIfEmpty(double.NegativeInfinity).Max();
            if (double.IsNegativeInfinity(largest))
                continue;
            var p = scores.Select(x => Math.Exp(x - largest)).ToArray();
            var sum = p.Sum();
            p = [.. p.Select(x => x / sum)];
            for (var j = 0; j < s.Keys; j++)
                Add(expected[i], p[j], v[j]);
            var delta = Dot(g[i], expected[i]);
            for (var j = 0; j < s.Keys; j++)
            {
                var ds = s.Scale * p[j] * (Dot(g[i], v[j]) - delta);
                Add(dq[i], ds, k[j]);
                Add(dk[j], ds, q[i]);
                Add(dv[j], p[j], g[i]);
            }
        }

        void Compare(double[][] rows, T[] actual, long start, string what)
        {
            for (var i = 0; i < rows.Length; i++)
            {
                for (var d = 0; d < rows[i].Length; d++)
                {
                    var value = double.CreateChecked(actual[start + ((long)i * rows[i].Length) + d]);
                    if (!(Math.Abs(value - rows[i][d]) <= tolerance * (1 + Math.Abs(rows[i][d]))))
                        Assert.Fail($"{s}: {what}[{head}, {i}, {d}] is {value}, not {rows[i][d]}");
                }
            }
        }

        Compare(expected, y, (long)head * s.Queries * s.ValueWidth, "y");
        Compare(dq, gradient, (long)head * s.Queries * s.Width, "dq");
        Compare(dk, gradient, (s.HeadCount * s.Queries * s.Width) + ((long)head * s.Keys * s.Width), "dk");
        Compare(dv, gradient, (s.HeadCount * ((long)s.Queries + s.Keys) * s.Width) + ((long)head * s.Keys * s.ValueWidth), "dv");
    }

    private static double Dot(double[] x, double[] y) => x.Zip(y, (a, b) => a * b).Sum();

    private static void Add(double[] sum, double factor, double[] x)
    {
        for (var i = 0; i < x.Length; i++)
            sum[i] += factor * x[i];
    }

    /// <summary>Units in reverse, each with a workspace full of NaN.</summary>
    private static T[] Run<T>(Kernel kernel, nint[] inputs, long count)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var output = new T[count];
        Array.Fill(output, T.NaN);
        var workspace = new T[(kernel.WorkspaceBytes / sizeof(T)) + 1];
        fixed (T* to = output, scratch = workspace)
        fixed (nint* from = inputs)
        {
            void* target = to;
            for (var unit = kernel.UnitCount - 1; unit >= 0; unit--)
            {
                Array.Fill(workspace, T.NaN);
                kernel.Run(new KernelArguments { Inputs = (void**)from, Outputs = &target, Workspace = scratch }, unit);
            }
        }

        return output;
    }
}
