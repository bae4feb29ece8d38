using static Gradients.Integration.Tests.Proofs.Wire;

namespace Gradients.Integration.Tests.Proofs;

/// <summary>
/// A chain of matrix products over a vector of variable 1: y = Σ(w·Bⁿ) with B = J/size, the matrix that replaces a row by its
/// mean. Some tens of milliseconds a product on one thread, so that its length chooses how long it takes.
/// </summary>
internal static class LongWork
{
    private const int Size = 512;

    /// <summary>The variable, [512, 512].</summary>
    public const ulong Weights = 1;

    private const ulong Mean = 2;

    /// <summary>Nodes of a chain; the last is a scalar.</summary>
    public static (V1.Node[] Nodes, ulong Root) Chain(int length)
    {
        var nodes = new List<V1.Node> { Variable(Weights, Size, Size), Variable(Mean, Size, Size) };
        var last = Weights;
        for (var i = 0; i < length; i++)
        {
            nodes.Add(Node((ulong)(10 + i), "MatMul", last, Mean));
            last = (ulong)(10 + i);
        }

        nodes.Add(Sum(last + 1, last));
        return ([.. nodes], last + 1);
    }

    /// <summary>Opens a session that holds a chain and its values: y = 512² and ∂y/∂w = 1 everywhere, exactly.</summary>
    public static async Task<(string Session, ulong Root)> OpenAsync(ProofServer server, int length)
    {
        var (nodes, root) = Chain(length);
        var session = await server.OpenAsync(nodes);
        await server.SetAsync(session, (Weights, Filled(1)));
        await server.SetAsync(session, (Mean, Filled(1f / Size)));
        return (session, root);
    }

    /// <summary>The matrix with one value everywhere.</summary>
    public static V1.Tensor Filled(float value)
    {
        var elements = new float[Size * Size];
        Array.Fill(elements, value);
        return Tensor(elements, Size, Size);
    }

    public static V1.ForwardRequest Forward(string session, ulong root) => new() { Session = session, Fetches = { Fetch(root) } };

    public static V1.BackwardRequest Backward(string session, ulong root, V1.GradientMode mode = V1.GradientMode.Accumulate, ulong number = 0) =>
        new() { Session = session, Roots = { Root(root) }, Wrt = { Weights }, Mode = mode, RequestId = number == 0 ? null : Id(number) };
}
