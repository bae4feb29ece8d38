using System.Collections.Concurrent;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions;

/// <summary>The tensors that a session keeps by handle. From any thread at any time.</summary>
internal sealed class SessionTensors(SessionLimits limits)
{
    private readonly ConcurrentDictionary<ulong, Tensor> _tensors = new();
    private ulong _last;
    private long _bytes;

    public int Count => _tensors.Count;

    public long Bytes => Volatile.Read(ref _bytes);

    /// <exception cref="GradientsException">SESSION_QUOTA when no further tensor would be kept.</exception>
    public void RequireRoom()
    {
        if (_tensors.Count >= limits.MaxTensors)
            throw GradientsException.Exhausted(ErrorReasons.SessionQuota, $"The session holds its limit of {limits.MaxTensors} tensors; release some.")
                .Limited("session.max_tensors", (_tensors.Count + 1).ToString(), SessionLimits.Subject);
    }

    /// <summary>Keeps a share of the tensor.</summary>
    public ulong Keep(Tensor tensor)
    {
        var id = Interlocked.Increment(ref _last);
        _tensors[id] = tensor.Share();
        Interlocked.Add(ref _bytes, tensor.ByteCount);
        return id;
    }

    /// <summary>A share of a kept tensor, which the caller disposes.</summary>
    /// <exception cref="GradientsException">TENSOR_NOT_FOUND.</exception>
    public Tensor Find(ulong id)
    {
        if (_tensors.TryGetValue(id, out var tensor))
        {
            lock (tensor)
            {
                if (_tensors.ContainsKey(id))
                    return tensor.Share();
            }
        }

        throw GradientsException.NotFound(ErrorReasons.TensorNotFound, $"The session has no tensor {id}.");
    }

    /// <summary>Unknown ids are ignored.</summary>
    public void Release(ulong id)
    {
        if (!_tensors.TryRemove(id, out var tensor))
            return;
        Interlocked.Add(ref _bytes, -tensor.ByteCount);
        lock (tensor)
            tensor.Dispose();
    }

    public void Clear()
    {
        foreach (var id in _tensors.Keys)
            Release(id);
    }
}
