using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Gradients.Engine;
using Gradients.Server.Errors;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions;

/// <summary>
/// Executes each request id once. The last replies are kept without tensor contents; what was evicted is known by a
/// watermark per client, so that it is refused rather than executed again. A request that fails leaves no entry.
/// </summary>
internal sealed class RequestLog(int window)
{
    private const int ClientIdBytes = 16;

    /// <summary>Payloads of up to so many bytes are hashed at once.</summary>
    private const int SmallBytes = 2048;

    /// <summary>Watermarks are kept for so many clients; the client forgotten is the one whose reply was evicted longest ago.</summary>
    private const int MaxClients = 16384;

    private readonly Lock _gate = new();
    private readonly Dictionary<(UInt128 Client, ulong Number), Entry> _entries = [];
    private readonly Queue<(UInt128 Client, ulong Number)> _stored = new();
    private readonly Dictionary<UInt128, ulong> _watermarks = [];
    private readonly Queue<UInt128> _clients = new();

    /// <summary>Digest of a request's bytes; the caller has removed its id and its session from it.</summary>
    public static byte[] Digest(IMessage payload)
    {
        var name = payload.Descriptor.FullName;
        var nameBytes = Encoding.UTF8.GetByteCount(name);
        var size = nameBytes + payload.CalculateSize();
        if (size <= SmallBytes)
        {
            Span<byte> bytes = stackalloc byte[size];
            Encoding.UTF8.GetBytes(name, bytes);
            payload.WriteTo(bytes[nameBytes..]);
            return SHA256.HashData(bytes);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(name));
        payload.WriteTo(new HashWriter(hash));
        return hash.GetHashAndReset();
    }

    /// <exception cref="GradientsException">INVALID_FIELD unless it has 16 bytes and a number of at least 1.</exception>
    public static void Check(V1.RequestId id)
    {
        if (id.ClientId.Length != ClientIdBytes)
            throw Refusals.Field("request_id.client_id", $"it has {id.ClientId.Length} bytes; it must have {ClientIdBytes}.");
        if (id.Number == 0)
            throw Refusals.Field("request_id.number", "numbers start at 1.");
    }

    /// <summary>
    /// Executes, or waits for an execution of the same id and returns its stored reply. Begins synchronously, so that the
    /// order of calls is the order of execution.
    /// </summary>
    /// <exception cref="GradientsException">REQUEST_ID_REUSED, REQUEST_ID_EXPIRED, or what the execution fails with.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Reply> RunAsync<TState>(V1.RequestId id, byte[] digest, TState state, Func<TState, ValueTask<Reply>> execute, CancellationToken cancellation)
    {
        Check(id);
        var key = (new UInt128(System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(id.ClientId.Span), System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(id.ClientId.Span[8..])), id.Number);
        while (Enter(key, digest) is { } first)
        {
            if (await first.WaitAsync(cancellation) is { } stored)
                return new Reply(StoredReply.Of(stored)) { Replayed = true };
        }

        Reply reply;
        try
        {
            reply = await execute(state);
        }
        catch
        {
            Leave(key, null);
            throw;
        }

        Leave(key, StoredReply.Of(reply.Message));
        return reply;
    }

    /// <summary>What becomes of an earlier request, or null after making an entry: then the caller executes.</summary>
    private Task<IMessage?>? Enter((UInt128 Client, ulong Number) key, byte[] digest)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var entry))
            {
                return entry.Digest.AsSpan().SequenceEqual(digest) ? entry.Outcome
                    : throw new GradientsException(ErrorCode.AlreadyExists, ErrorReasons.RequestIdReused, $"Request {key.Number} of this client had another payload.").With("value", key.Number.ToString());
            }

            if (_watermarks.TryGetValue(key.Client, out var watermark) && key.Number <= watermark)
                throw new GradientsException(ErrorCode.Aborted, ErrorReasons.RequestIdExpired, $"Request {key.Number} of this client is older than the stored replies; read the state to learn whether it was executed.").With("value", watermark.ToString());
            _entries.Add(key, new Entry(digest));
            return null;
        }
    }

    private void Leave((UInt128 Client, ulong Number) key, IMessage? stored)
    {
        TaskCompletionSource<IMessage?>? waiting;
        lock (_gate)
        {
            waiting = _entries[key].End(stored);
            if (stored is null)
            {
                _entries.Remove(key);
            }
            else
            {
                _stored.Enqueue(key);
                if (_stored.Count > window)
                    Evict(_stored.Dequeue());
            }
        }

        waiting?.SetResult(stored);
    }

    private void Evict((UInt128 Client, ulong Number) key)
    {
        _entries.Remove(key);
        if (_watermarks.TryGetValue(key.Client, out var watermark))
        {
            _watermarks[key.Client] = Math.Max(watermark, key.Number);
            return;
        }

        _watermarks.Add(key.Client, key.Number);
        _clients.Enqueue(key.Client);
        if (_clients.Count > MaxClients)
            _watermarks.Remove(_clients.Dequeue());
    }

    /// <summary>Used under the gate.</summary>
    private sealed class Entry(byte[] digest)
    {
        private TaskCompletionSource<IMessage?>? _waiting;
        private IMessage? _stored;

        public byte[] Digest { get; } = digest;

        /// <summary>The stored reply; null when the execution failed and the next may try.</summary>
        public Task<IMessage?> Outcome => _stored is null ? (_waiting ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task : Task.FromResult<IMessage?>(_stored);

        /// <summary>Returns who is to be told; null when nobody waits.</summary>
        public TaskCompletionSource<IMessage?>? End(IMessage? stored)
        {
            _stored = stored;
            return _waiting;
        }
    }
}
