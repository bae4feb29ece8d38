using System.Collections.Concurrent;
using Google.Protobuf.Collections;
using Gradients.Client.Protocol;
using Gradients.Client.Transport;
using Gradients.Engine;
using Grpc.Core;

namespace Gradients.Client;

/// <summary>Computes the values that a custom function is asked for, in order; null for one that is not wanted or, backward, gets no gradient.</summary>
public delegate Task<IReadOnlyList<TensorData?>> CustomFunction(CustomRequest request);

public sealed partial class Session
{
    private static readonly AsyncLocal<CustomScope?> Inside = new();

    private readonly ConcurrentDictionary<string, (CustomFunction Forward, CustomFunction? Backward)> _customs = new();

    /// <summary>
    /// Registers what <see cref="GraphContext.Custom"/> nodes of a name compute, in this process, while the server waits. An
    /// exception fails the request that needs the value with CALLOUT_FAILED and its message. A function must not wait for a
    /// request on this session, which would wait for the function: such requests throw at once.
    /// </summary>
    /// <param name="name">The name; registering it anew replaces the function.</param>
    /// <param name="forward">Outputs from inputs.</param>
    /// <param name="backward">One gradient an input, null where nothing flows. Null: nodes made afterwards have no derivative.</param>
    public void RegisterCustom(string name, Func<CustomRequest, IReadOnlyList<TensorData?>> forward, Func<CustomRequest, IReadOnlyList<TensorData?>>? backward = null)
    {
        ArgumentNullException.ThrowIfNull(forward);
        RegisterCustomAsync(name, request => Task.FromResult(forward(request)), backward is null ? null : request => Task.FromResult(backward(request)));
    }

    /// <summary>As <see cref="RegisterCustom"/>, for functions that wait for something themselves.</summary>
    public void RegisterCustomAsync(string name, CustomFunction forward, CustomFunction? backward = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(forward);
        _customs[name] = (forward, backward);
    }

    private protected override bool HasBackward(string custom) => !_customs.TryGetValue(custom, out var functions) || functions.Backward is not null;

    /// <exception cref="GradientsClientException">CALLOUT_NESTED.</exception>
    private void RequireOutsideCustom()
    {
        if (Inside.Value is { IsOver: false } scope && scope.Session == this)
            throw Errors.Local(StatusCode.FailedPrecondition, ErrorReasons.CalloutNested, $"The request comes from inside the custom function '{scope.Name}' of the same session: it would wait for the request that waits for the function.");
    }

    /// <summary>Computes away from the loop that reads results, and answers in any case.</summary>
    private void Answer(V1.CalloutRequest request) => _ = Task.Run(async () =>
    {
        var reply = new V1.CalloutReply { Callout = request.Callout };
        var tensors = new RequestTensors(_limits);
        var scope = new CustomScope(this, request.Name);
        Inside.Value = scope;
        try
        {
            var values = await ComputeAsync(request).ConfigureAwait(false);
            for (var i = 0; i < values.Count; i++)
                reply.Values.Add(new V1.CalloutValue { Tensor = values[i] is { } value ? tensors.Add(Shaped(value, request, i)) : null });
            await tensors.UploadAsync(_transfer, _closing.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever the caller's function throws is its answer.
            reply.Values.Clear();
            reply.Error = new Google.Rpc.Status { Code = (int)StatusCode.Unknown, Message = e.Message };
        }

        scope.IsOver = true;
        _stream.Answer(reply);
        Release(tensors);
    });

    private async Task<IReadOnlyList<TensorData?>> ComputeAsync(V1.CalloutRequest request)
    {
        if (!_customs.TryGetValue(request.Name, out var functions))
            throw new InvalidOperationException($"No custom function '{request.Name}' is registered.");
        var function = request.Phase == V1.CalloutPhase.Forward ? functions.Forward
            : functions.Backward ?? throw new InvalidOperationException($"The custom function '{request.Name}' is registered without a backward.");
        return await function(new CustomRequest(
            request,
            await ReadAllAsync(request.Inputs).ConfigureAwait(false),
            await ReadAllAsync(request.Outputs).ConfigureAwait(false),
            await ReadAllAsync(request.Cotangents).ConfigureAwait(false))).ConfigureAwait(false);
    }

    /// <summary>The elements of a call-out; handles in it are the server's to release.</summary>
    private async Task<TensorData?[]> ReadAllAsync(RepeatedField<V1.Tensor> tensors)
    {
        var read = new TensorData?[tensors.Count];
        for (var i = 0; i < read.Length; i++)
        {
            read[i] = tensors[i].ContentCase switch
            {
                V1.Tensor.ContentOneofCase.Raw => tensors[i].ToData(),
                V1.Tensor.ContentOneofCase.Handle => await _transfer.DownloadAsync(new V1.DownloadTensorRequest { Handle = tensors[i].Handle }, _closing.Token).ConfigureAwait(false),
                _ => null,
            };
        }

        return read;
    }

    /// <summary>A plain array takes the shape that is asked for.</summary>
    private static TensorData Shaped(TensorData value, V1.CalloutRequest request, int position)
    {
        if (!value.IsFlat || position >= request.Types_.Count)
            return value;
        var shape = TensorData.ShapeOf([.. request.Types_[position].Dimensions.Select(d => d.Size)]);
        return shape.ElementCount == value.Shape.ElementCount ? value.Reshape(shape.Dimensions) : value;
    }

    private sealed class CustomScope(Session session, string name)
    {
        public Session Session => session;

        public string Name => name;

        /// <summary>The function has returned: what it left running may send requests.</summary>
        public bool IsOver { get; set; }
    }
}
