using Google.Protobuf;
using Gradients.Benchmarks.Processes;
using Grpc.Net.Client;

namespace Gradients.Benchmarks.Wire;

/// <summary>Ours in one message each way: SetVariables and GetVariables by the generated client.</summary>
internal sealed class UnaryTransfer : ITransfer
{
    private readonly GrpcChannel _channel;
    private readonly V1.SessionService.SessionServiceClient _sessions;
    private readonly string _session;
    private ulong _variable;
    private byte[] _content = [];
    private byte[] _received = [];

    private UnaryTransfer(GrpcChannel channel, V1.SessionService.SessionServiceClient sessions, string session) => (_channel, _sessions, _session) = (channel, sessions, session);

    /// <summary>What a message of the default size has room for.</summary>
    public int MaxBytes => 3 << 20;

    public static async Task<ITransfer> OpenAsync(Endpoint endpoint)
    {
        var channel = endpoint.Open();
        var sessions = new V1.SessionService.SessionServiceClient(channel);
        return new UnaryTransfer(channel, sessions, (await sessions.CreateSessionAsync(new V1.CreateSessionRequest())).Session.Name);
    }

    public async Task<bool> PrepareAsync(byte[] content)
    {
        (_content, _received) = (content, new byte[content.Length]);
        var type = new V1.TensorType { DataType = V1.DataType.Float32, Dimensions = { new V1.Dimension { Size = content.Length / sizeof(float) } } };
        var variable = new V1.Node { Id = ++_variable, Op = "Variable", Attributes = { new V1.Attribute { Name = "type", Type = type } } };
        await _sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = _session, Nodes = { variable } });
        await UploadAsync(1);
        await DownloadAsync(1);
        return content.AsSpan().SequenceEqual(_received);
    }

    public async Task UploadAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var tensor = new V1.Tensor { DataType = V1.DataType.Float32, Shape = { _content.Length / sizeof(float) }, Raw = UnsafeByteOperations.UnsafeWrap(_content) };
            await _sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = _session, Updates = { new V1.VariableUpdate { Variable = _variable, Tensor = tensor } } });
        }
    }

    public async Task DownloadAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var raw = (await _sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = _session, Variables = { _variable } })).Variables[0].Value.Raw;
            ITransfer.Require(raw.Length, _content.Length);
            raw.CopyTo(_received, 0);
        }
    }

    public Task SettleAsync() => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _sessions.DeleteSessionAsync(new V1.DeleteSessionRequest { Name = _session });
        _channel.Dispose();
    }
}
