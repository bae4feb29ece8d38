using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

internal static class Graphs
{
    /// <summary>Defines variable 1 = w (2 elements), input 2 = x, 3 = w·x, 4 = Σ w·x, and sets w = [2, 3]: d(4)/dw = x.</summary>
    public static async Task DefineAsync(TestServer server, string session)
    {
        await server.Sessions.DefineNodesAsync(Define(session));
        await server.Sessions.SetVariablesAsync(Set(session, 2, 3));
    }

    public static V1.DefineNodesRequest Define(string session) => new()
    {
        Session = session,
        Nodes = { Variable(1, 2), Input(2, 2), Node(3, "Mul", 1, 2), Node(4, "ReduceSum", 3).With("keepdims", 0) },
    };

    public static V1.SetVariablesRequest Set(string session, params double[] w) =>
        new() { Session = session, Updates = { new V1.VariableUpdate { Variable = 1, Tensor = Tensor(w, 2) } } };

    public static V1.BackwardRequest Backward(string session, V1.GradientMode mode = V1.GradientMode.Return) =>
        new() { Session = session, Feeds = { Feed(2, Tensor([5, 7], 2)) }, Roots = { Root(4) }, Mode = mode };

    /// <summary>The accumulated gradient of w, elements separated by blanks; "absent" when there is none.</summary>
    public static async Task<string> GradientTextAsync(TestServer server, string session)
    {
        var reply = await server.Sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = session, Contents = { V1.VariableContent.Gradient } });
        return reply.Variables[0].Gradient is { } gradient ? string.Join(' ', Elements(gradient)) : "absent";
    }

    public static async Task<double[]> ValueAsync(TestServer server, string session) =>
        Elements((await server.Sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = session, Variables = { 1 } })).Variables[0].Value);
}
