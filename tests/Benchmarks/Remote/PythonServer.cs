using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Steps;
using Gradients.Engine.Tensors;
using Grpc.Core;
using Grpc.Net.Client;

namespace Gradients.Benchmarks.Remote;

/// <summary>python_server.py with a network's parameters, and its calls. Debian: python3-torch python3-grpcio python3-protobuf python3-numpy.</summary>
internal sealed class PythonServer : IDisposable
{
    /// <summary>The distribution's own, which has those packages.</summary>
    private const string Python = "/usr/bin/python3";

    // The sources of this project, from its output folder.
    private static readonly string Script = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../Remote/python_server.py"));
    private static readonly Marshaller<BytesValue> Plain = Marshallers.Create(m => m.ToByteArray(), BytesValue.Parser.ParseFrom);

    private readonly ChildProcess _process;
    private readonly GrpcChannel _channel;
    private readonly BytesValue _request;

    private PythonServer(ChildProcess process, GrpcChannel channel, BytesValue request) => (_process, _channel, _request) = (process, channel, request);

    /// <summary>The server, or why there is none.</summary>
    public static async Task<(PythonServer? Server, string? Missing)> StartAsync(Network network, params int[] sizes)
    {
        const string Packages = "apt-get install python3-torch python3-grpcio";
        if (!File.Exists(Python))
            return (null, $"no {Python}");
        var start = new ProcessStartInfo(Python, [Script, .. sizes.Select(s => s.ToString(CultureInfo.InvariantCulture))]) { RedirectStandardError = true };
        ChildProcess process;
        try
        {
            process = await ChildProcess.StartAsync(start);
        }
        catch (InvalidOperationException)
        {
            return (null, $"does not start; {Packages}");
        }

        var channel = new Endpoint("Python", $"http://127.0.0.1:{process.Greeting}").Open();
        var parameters = network.Parameters.SelectMany(id => network.Values[id].AsBytes().ToArray()).ToArray();
        var fed = network.Values.Where(v => !network.Parameters.Contains(v.Key)).OrderBy(v => v.Key).SelectMany(v => v.Value.AsBytes().ToArray()).ToArray();
        var server = new PythonServer(process, channel, new BytesValue { Value = UnsafeByteOperations.UnsafeWrap(fed) });
        await server.CallAsync("load", new BytesValue { Value = UnsafeByteOperations.UnsafeWrap(parameters) });
        return (server, null);
    }

    /// <summary>The loss, then the numbers of all gradients one after the other; or their norm, when they are accumulated.</summary>
    public async Task<double[]> ResultsAsync(bool accumulates = false) =>
        Array.ConvertAll(MemoryMarshal.Cast<byte, float>((await CallAsync(accumulates ? "accumulate" : "backward", _request)).Value.Span).ToArray(), v => (double)v);

    public async Task RunAsync(int count, int inFlight, bool accumulates = false)
    {
        var waiting = new Queue<Task>(inFlight);
        for (var i = 0; i < count; i++)
        {
            if (waiting.Count == inFlight)
                await waiting.Dequeue();
            waiting.Enqueue(CallAsync(accumulates ? "accumulate" : "backward", _request));
        }

        await Task.WhenAll(waiting);
    }

    public void Dispose()
    {
        _channel.Dispose();
        _process.Dispose();
    }

    private async Task<BytesValue> CallAsync(string name, BytesValue request)
    {
        var method = new Method<BytesValue, BytesValue>(MethodType.Unary, "plain.Steps", name, Plain, Plain);
        return await _channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, request);
    }

}
