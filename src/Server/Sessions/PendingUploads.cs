using Gradients.Engine;

namespace Gradients.Server.Sessions;

/// <summary>The uploads by unary calls of one session, finished ones included until their time is over.</summary>
internal sealed class PendingUploads
{
    /// <summary>Finished ones are kept for late retries; no more than so many.</summary>
    private const int MaxKept = 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, PendingUpload> _uploads = [];
    private ulong _last;
    private bool _closed;

    /// <summary>Opens an upload and stores its first chunk, or leaves nothing behind.</summary>
    public V1.UploadChunkResponse Open(Func<ulong, PendingUpload> create, V1.TensorChunk? chunk)
    {
        lock (_gate)
        {
            if (_closed)
                throw new OperationCanceledException("The session was deleted.");
            if (_uploads.Count >= MaxKept)
                throw GradientsException.Exhausted(ErrorReasons.LimitExceeded, $"{MaxKept} uploads of this session are open or were finished lately.").Limited("max_uploads", MaxKept.ToString(), "session", TimeSpan.FromSeconds(1));
            var upload = create(++_last);
            try
            {
                var response = upload.Store(chunk);
                _uploads.Add(upload.Name, upload);
                return response;
            }
            catch
            {
                upload.End();
                throw;
            }
        }
    }

    /// <exception cref="GradientsException">UPLOAD_NOT_FOUND, or what the chunk is refused with.</exception>
    public V1.UploadChunkResponse Store(string name, V1.TensorChunk chunk)
    {
        lock (_gate)
        {
            if (!_uploads.TryGetValue(name, out var upload) || upload.IsOver())
                throw GradientsException.NotFound(ErrorReasons.UploadNotFound, "There is no such upload; it may have had no chunk for too long.").With("field", "upload");
            try
            {
                return upload.Store(chunk);
            }
            catch (GradientsException e) when (e.Reason == ErrorReasons.UploadTimeout)
            {
                _uploads.Remove(name);
                throw;
            }
        }
    }

    /// <summary>Forgets those whose time is over.</summary>
    public void Sweep()
    {
        lock (_gate)
        {
            foreach (var (name, upload) in _uploads)
            {
                if (!upload.IsOver())
                    continue;
                upload.End();
                _uploads.Remove(name);
            }
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (var upload in _uploads.Values)
                upload.End();
            _uploads.Clear();
        }
    }
}
