using System.Runtime.CompilerServices;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Engine.Sessions;
using Gradients.Engine.Tensors;
using Gradients.Server.Errors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Sessions;
using Gradients.Server.Sessions.Commands;
using Gradients.Server.Wire;
using Grpc.Core;

namespace Gradients.Server.Services;

/// <summary>Tensors in chunks, to and from a session.</summary>
internal sealed class TensorService(SessionRegistry sessions, EngineHost host, GradientsServerOptions options, TimeProvider time) : V1.TensorService.TensorServiceBase
{
    public override async Task<V1.UploadTensorResponse> UploadTensor(IAsyncStreamReader<V1.UploadTensorRequest> requestStream, ServerCallContext context)
    {
        var scope = CallScope.Of(context);
        var call = TenantCall.Of(context);
        using var reader = new UploadReader(requestStream, call.Wire, options, time, scope);
        if (await reader.NextAsync() is not { PartCase: V1.UploadTensorRequest.PartOneofCase.Header, Header: var header })
            throw GradientsException.Invalid(ErrorReasons.ChunkOutOfOrder, "The first message of an upload is its header.").With("field", "header");
        using var use = sessions.Use(scope.Caller, header.Session);
        scope.Activity.SetSession(use.Session.Name);
        using var closed = scope.EndWith(use.Session.Closed);
        var id = header.RequestId;
        header.RequestId = null;
        header.Session = "";
        using var reply = id is null
            ? await ReceiveAsync(reader, header, use.Session, call.Tenant)
            : await use.Session.Requests.RunAsync(id, RequestLog.Digest(header), (Service: this, reader, header, use.Session, call.Tenant), static s => s.Service.ReceiveAsync(s.reader, s.header, s.Session, s.Tenant), scope.Cancellation);
        if (reply.Replayed)
            await Replays.MarkAsync(context, scope);
        return (V1.UploadTensorResponse)reply.Message;
    }

    public override async Task<V1.UploadChunkResponse> UploadChunk(V1.UploadChunkRequest request, ServerCallContext context)
    {
        var scope = CallScope.Of(context);
        var tenant = TenantCall.Of(context).Tenant;
        using var use = sessions.Use(scope.Caller, request.Session);
        scope.Activity.SetSession(use.Session.Name);
        var id = request.RequestId;
        request.RequestId = null;
        request.Session = "";
        using var reply = id is null
            ? Store(request, use.Session, tenant)
            : await use.Session.Requests.RunAsync(id, RequestLog.Digest(request), (Service: this, request, use.Session, tenant), static s => ValueTask.FromResult(s.Service.Store(s.request, s.Session, s.tenant)), scope.Cancellation);
        if (reply.Replayed)
            await Replays.MarkAsync(context, scope);
        host.Metrics.Received(request.Chunk?.Data.Length ?? 0);
        return (V1.UploadChunkResponse)reply.Message;
    }

    public override async Task DownloadTensor(V1.DownloadTensorRequest request, IServerStreamWriter<V1.DownloadTensorResponse> responseStream, ServerCallContext context)
    {
        var scope = CallScope.Of(context);
        using var use = sessions.Use(scope.Caller, request.Session);
        scope.Activity.SetSession(use.Session.Name);
        using var closed = scope.EndWith(use.Session.Closed);
        using var tensor = await FindAsync(request, use.Session, scope);
        var size = request.ChunkBytes == 0 ? options.PreferredChunkBytes : (int)Math.Min(request.ChunkBytes, (uint)options.MaxChunkBytes);
        var batch = ChunkBatch.Reserve(TenantCall.Of(context).Wire.Reply, size, tensor.ByteCount);
        responseStream.WriteOptions = ChunkBatch.Buffered;
        var described = Reply.Describe(tensor);
        await responseStream.WriteAsync(new V1.DownloadTensorResponse { Header = new V1.TensorHeader { DataType = described.DataType, Shape = { described.Shape } } }, scope.Cancellation);
        var elements = new TensorMemory(tensor).Memory;

        // What one block of the connection holds goes with the call's end, as replies without a stream do: nothing waits for it here.
        var message = new V1.DownloadTensorResponse { Chunk = new V1.TensorChunk() };
        for (var offset = 0; offset < elements.Length; offset += size)
        {
            var left = TensorChunks.Fill(message.Chunk, elements, offset, size, request.Checksums);
            responseStream.WriteOptions = elements.Length <= ConnectionMemory.LargeBytes ? ChunkBatch.Buffered : batch.Add(message.Chunk.Data.Length, left);
            await responseStream.WriteAsync(message, scope.Cancellation);
            host.Metrics.Sent(message.Chunk.Data.Length);
        }
    }

    private Reply Store(V1.UploadChunkRequest request, ServerSession session, TenantUsage tenant)
    {
        if (request.Upload.Length == 0)
        {
            var header = request.Header ?? throw Refusals.Field("header", "it is required to open an upload.");
            var (type, shape) = Check(header.DataType, header.Shape);
            return new Reply(session.Uploads.Open(id => Open(id, type, shape, session, tenant), request.Chunk));
        }

        if (request.Header is not null)
            throw Refusals.Field("header", "the upload is open already.");
        return new Reply(session.Uploads.Store(request.Upload, request.Chunk ?? throw Refusals.Field("chunk", "it is required.")));
    }

    private PendingUpload Open(ulong id, DataType type, Shape shape, ServerSession session, TenantUsage tenant)
    {
        var bytes = shape.ElementCount * type.Size();
        tenant.Uploads.Take(1);
        try
        {
            session.ReserveUpload(bytes);
            try
            {
                return new PendingUpload(session, Tensor.Rent(host.Pool, type, shape, "upload", tenant.Bytes), tenant.Uploads, id, options, time);
            }
            catch
            {
                session.EndUpload(bytes);
                throw;
            }
        }
        catch
        {
            tenant.Uploads.Give(1);
            throw;
        }
    }

    private (DataType Type, Shape Shape) Check(V1.DataType dataType, IList<long> dimensions)
    {
        var type = WireTypes.Read(dataType, "header.data_type");
        var shape = WireTypes.ReadShape(dimensions, "header.shape");
        var bytes = shape.ElementCount * type.Size();
        if (bytes > options.MaxTensorBytes)
            throw Refusals.OverLimit("header.shape", "max_tensor_bytes", options.MaxTensorBytes, bytes);
        return (type, shape);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Reply> ReceiveAsync(UploadReader reader, V1.UploadTensorHeader header, ServerSession session, TenantUsage tenant)
    {
        var (type, shape) = Check(header.DataType, header.Shape);
        tenant.Uploads.Take(1);
        try
        {
            return await ReceiveAsync(reader, type, shape, session, tenant);
        }
        finally
        {
            tenant.Uploads.Give(1);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Reply> ReceiveAsync(UploadReader reader, DataType type, Shape shape, ServerSession session, TenantUsage tenant)
    {
        var bytes = shape.ElementCount * type.Size();
        session.ReserveUpload(bytes);
        try
        {
            using var tensor = Tensor.Rent(host.Pool, type, shape, "upload", tenant.Bytes);
            await reader.FillAsync(tensor);
            host.Metrics.Received(bytes);
            return new Reply(new V1.UploadTensorResponse { Handle = ResourceNames.Tensor(session.Engine.AddTensor(tensor.Share())), ByteSize = (ulong)bytes });
        }
        finally
        {
            session.EndUpload(bytes);
        }
    }

    private static async Task<Tensor> FindAsync(V1.DownloadTensorRequest request, ServerSession session, CallScope scope)
    {
        var variable = request.SourceCase switch
        {
            V1.DownloadTensorRequest.SourceOneofCase.Handle => 0UL,
            V1.DownloadTensorRequest.SourceOneofCase.Variable => request.Variable,
            V1.DownloadTensorRequest.SourceOneofCase.Gradient => request.Gradient,
            _ => throw Refusals.Field("source", "a handle, a variable or a gradient is required."),
        };
        if (request.SourceCase == V1.DownloadTensorRequest.SourceOneofCase.Handle)
            return session.Engine.FindTensor(ResourceNames.Parse(request.Handle, ResourceNames.Tensors, "handle"));
        using var found = await session.Engine.GetVariablesAsync(new GetVariablesRequest { Variables = [variable], Trace = scope.Activity.Context }, scope.Cancellation);
        var snapshot = found.Variables[0];
        if (request.SourceCase == V1.DownloadTensorRequest.SourceOneofCase.Variable)
            return snapshot.Value?.Share() ?? throw GetVariablesCommand.NotSet(variable);
        return snapshot.Gradient?.Share()
            ?? throw GradientsException.Precondition(ErrorReasons.GradientAbsent, $"Variable {variable} has no accumulated gradient.").With("node", variable.ToString());
    }
}
