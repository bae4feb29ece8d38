using System.Runtime.InteropServices;
using Gradients.Benchmarks.Processes;
using Gradients.Client;

namespace Gradients.Benchmarks.Wire;

/// <summary>Ours in chunks, by the SDK: UploadTensor and DownloadTensor.</summary>
internal sealed class StreamTransfer : ITransfer
{
    private readonly GradientsClient _client;
    private readonly Session _session;
    private readonly List<TensorHandle> _uploaded = [];
    private float[] _content = [];
    private TensorHandle? _source;

    private StreamTransfer(GradientsClient client, Session session) => (_client, _session) = (client, session);

    public int MaxBytes => int.MaxValue;

    public static async Task<ITransfer> OpenAsync(Endpoint endpoint)
    {
        var client = endpoint.Connect();
        return new StreamTransfer(client, await client.CreateSessionAsync());
    }

    public async Task<bool> PrepareAsync(byte[] content)
    {
        _source?.Dispose();
        _content = MemoryMarshal.Cast<byte, float>(content).ToArray();
        _source = await _session.UploadAsync(_content);
        await SettleAsync();
        return MemoryMarshal.AsBytes((await _source.DownloadAsync()).AsSpan<float>()).SequenceEqual(content);
    }

    public async Task UploadAsync(int count)
    {
        for (var i = 0; i < count; i++)
            _uploaded.Add(await _session.UploadAsync(_content));
    }

    public async Task DownloadAsync(int count)
    {
        for (var i = 0; i < count; i++)
            ITransfer.Require((await _source!.DownloadAsync()).ByteCount, sizeof(float) * _content.Length);
    }

    public async Task SettleAsync()
    {
        foreach (var handle in _uploaded)
            handle.Dispose();
        _uploaded.Clear();
        await _session.FlushAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        await _client.DisposeAsync();
    }
}
