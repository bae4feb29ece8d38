using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>An Interact stream of which one result is read at a time.</summary>
internal sealed class CalloutStream : IDisposable
{
    private readonly AsyncDuplexStreamingCall<V1.InteractRequest, V1.InteractResponse> _call;
    private readonly Queue<V1.CommandResult> _read = new();

    private CalloutStream(AsyncDuplexStreamingCall<V1.InteractRequest, V1.InteractResponse> call) => _call = call;

    /// <summary>A session with input 1 = x [2], 2 = Custom 'f'(x), 3 = x + x, and a stream that owns it.</summary>
    public static async Task<(CalloutStream Stream, string Session)> OpenAsync(TestServer server, params V1.Attribute[] attributes)
    {
        var session = await server.OpenAsync();
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Input(1, 2), Custom(2, "f", [1], attributes), Node(3, "Add", 1, 1) } });
        return (await AttachAsync(server, session), session);
    }

    public static async Task<CalloutStream> AttachAsync(TestServer server, string session)
    {
        var stream = new CalloutStream(server.Sessions.Interact());
        await stream.SendAsync(session, new V1.SessionCommand { Tag = 1000, ZeroGradients = new V1.ZeroGradientsRequest() });
        Assert.Equal(1000UL, (await stream.NextAsync()).Tag);
        return stream;
    }

    public static V1.Node Custom(ulong id, string name, ulong[] inputs, params V1.Attribute[] attributes) =>
        new() { Id = id, Op = "Custom", Inputs = { inputs }, Attributes = { new V1.Attribute { Name = "name", StringValue = name }, attributes } };

    public static V1.ForwardRequest Forward(string session = "", ulong value = 2) =>
        new() { Session = session, Feeds = { Feed(1, Tensor([5, 7], 2)) }, Fetches = { Fetch(value) } };

    public Task SendAsync(params V1.SessionCommand[] commands) => SendAsync("", commands);

    public Task AnswerAsync(ulong callout, params V1.Tensor?[] values) =>
        SendAsync(new V1.SessionCommand { Tag = 900, CalloutReply = new V1.CalloutReply { Callout = callout, Values = { values.Select(v => new V1.CalloutValue { Tensor = v }) } } });

    public async Task<V1.CommandResult> NextAsync()
    {
        while (_read.Count == 0)
        {
            Assert.True(await _call.ResponseStream.MoveNext(default));
            foreach (var result in _call.ResponseStream.Current.Results)
                _read.Enqueue(result);
        }

        return _read.Dequeue();
    }

    /// <summary>The next result, which is a call-out.</summary>
    public async Task<V1.CalloutRequest> AskedAsync()
    {
        var result = await NextAsync();
        Assert.True(result.Callout is not null, $"{result}");
        return result.Callout;
    }

    public Task CloseAsync() => _call.RequestStream.CompleteAsync();

    public void Dispose() => _call.Dispose();

    private Task SendAsync(string session, params V1.SessionCommand[] commands) =>
        _call.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { commands } });
}
