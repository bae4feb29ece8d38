using System.Runtime.InteropServices;
using Google.Protobuf;
using Gradients.Client.Protocol;
using Gradients.Engine;
using Gradients.Engine.Tensors;
using Grpc.Core;

namespace Gradients.Client.Transport;

/// <summary>Tensors of one session in chunks, tried again when the connection is lost.</summary>
internal sealed class TensorTransfer(CallInvoker invoker, string session, TransferLimits limits, SessionOptions options, TimeProvider time)
{
    private readonly V1.TensorService.TensorServiceClient _client = new(invoker);
    private readonly ByteString _clientId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray());
    private long _lastNumber;

    /// <summary>Stores a tensor and returns its handle. The elements are read until the task completes.</summary>
    public Task<string> UploadAsync(TensorData data, CancellationToken cancellationToken)
    {
        var header = new V1.UploadTensorRequest
        {
            Header = new V1.UploadTensorHeader
            {
                Session = session,
                RequestId = new V1.RequestId { ClientId = _clientId, Number = (ulong)Interlocked.Increment(ref _lastNumber) },
                DataType = (V1.DataType)data.DataType,
                Shape = { data.Shape.Dimensions.ToArray() },
            },
        };
        return RepeatAsync(() => UploadOnceAsync(header, data.Bytes, cancellationToken), cancellationToken);
    }

    public Task<TensorData> DownloadAsync(V1.DownloadTensorRequest request, CancellationToken cancellationToken)
    {
        request.Session = session;
        request.Checksums = options.Checksums;
        request.ChunkBytes = (uint)limits.ChunkBytes;
        return RepeatAsync(() => DownloadOnceAsync(request, cancellationToken), cancellationToken);
    }

    private async Task<string> UploadOnceAsync(V1.UploadTensorRequest header, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        using var call = _client.UploadTensor(cancellationToken: cancellationToken);
        try
        {
            await call.RequestStream.WriteAsync(header, cancellationToken).ConfigureAwait(false);
            for (var offset = 0; offset < bytes.Length; offset += limits.ChunkBytes)
            {
                var part = bytes.Slice(offset, Math.Min(limits.ChunkBytes, bytes.Length - offset));
                var chunk = new V1.TensorChunk { Offset = (ulong)offset, Data = UnsafeByteOperations.UnsafeWrap(part) };
                if (options.Checksums)
                    chunk.Crc32C = Checksum.Crc32C(part.Span);
                await call.RequestStream.WriteAsync(new V1.UploadTensorRequest { Chunk = chunk }, cancellationToken).ConfigureAwait(false);
            }

            await call.RequestStream.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or IOException or HttpRequestException or OperationCanceledException)
        {
            // The server refused before the last chunk: the response tells why.
        }

        return (await call.ResponseAsync.ConfigureAwait(false)).Handle;
    }

    private async Task<TensorData> DownloadOnceAsync(V1.DownloadTensorRequest request, CancellationToken cancellationToken)
    {
        using var call = invoker.AsyncServerStreamingCall(DownloadPart.Method, null, new CallOptions(cancellationToken: cancellationToken), request);
        var responses = call.ResponseStream;
        if (!await responses.MoveNext(cancellationToken).ConfigureAwait(false) || responses.Current.Header is not { } header)
            throw Errors.Local(StatusCode.DataLoss, ErrorReasons.ChunkOutOfOrder, "The download does not begin with a header.");
        var shape = new Shape([.. header.Shape]);
        return (DataType)header.DataType switch
        {
            DataType.Float32 => await FillAsync<float>(responses, DataType.Float32, shape, cancellationToken).ConfigureAwait(false),
            DataType.Float64 => await FillAsync<double>(responses, DataType.Float64, shape, cancellationToken).ConfigureAwait(false),
            DataType.Int64 => await FillAsync<long>(responses, DataType.Int64, shape, cancellationToken).ConfigureAwait(false),
            DataType.Bool => await FillAsync<bool>(responses, DataType.Bool, shape, cancellationToken).ConfigureAwait(false),
            _ => throw Errors.Local(StatusCode.Unimplemented, ErrorReasons.DataTypeUnsupported, $"The element type {header.DataType} is not known here."),
        };
    }

    private static async Task<TensorData> FillAsync<T>(IAsyncStreamReader<DownloadPart> responses, DataType type, Shape shape, CancellationToken cancellationToken) where T : unmanaged
    {
        var elements = GC.AllocateUninitializedArray<T>(checked((int)shape.ElementCount));
        var total = (long)elements.Length * type.Size();
        var received = 0L;
        while (await responses.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            using var part = responses.Current;
            if (!part.HasChunk || part.Offset != (ulong)received || received + part.Data.Length > total)
                throw Errors.Local(StatusCode.DataLoss, ErrorReasons.ChunkOutOfOrder, $"A chunk starts at {part.Offset}; {received} of {total} bytes had arrived.");
            if (part.Crc32C is { } crc && crc != Checksum.Crc32C(part.Data))
                throw Errors.Local(StatusCode.DataLoss, ErrorReasons.ChecksumMismatch, $"The chunk at {received} does not have its checksum.");
            part.Data.CopyTo(MemoryMarshal.AsBytes(elements.AsSpan())[(int)received..]);
            received += part.Data.Length;
        }

        if (received != total)
            throw Errors.Local(StatusCode.DataLoss, ErrorReasons.ContentSizeMismatch, $"The download ended after {received} of {total} bytes.");
        return new TensorData(type, shape, new ElementMemory<T>(elements).Memory, elements);
    }

    private async Task<TResult> RepeatAsync<TResult>(Func<Task<TResult>> attempt, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        for (var delay = TimeSpan.FromMilliseconds(50); ; delay *= 2)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (RpcException) when (cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellationToken);
            }
            catch (RpcException e) when (!Errors.IsTransport(e) || time.GetElapsedTime(start) > options.ReconnectTimeout)
            {
                throw Errors.Remote(e);
            }
            catch (RpcException)
            {
                await Task.Delay(delay < TimeSpan.FromSeconds(2) ? delay : TimeSpan.FromSeconds(2), time, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
