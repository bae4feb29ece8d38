using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Gradients.Client.Protocol;
using Gradients.Client.Transport;
using Gradients.Engine;

namespace Gradients.Client;

public sealed partial class Session
{
    /// <summary>Many optimizer steps in a loop on the server, over slices of data that travels once.</summary>
    /// <param name="loss">A scalar.</param>
    /// <param name="optimizer">The optimizer; its state lives with the variables.</param>
    /// <param name="steps">How many, at least 1.</param>
    /// <param name="data">Inputs that are fed by slices of their first axis. Null: every step sees the same.</param>
    /// <param name="options">Slices, order, reports.</param>
    /// <param name="cancellationToken">Stops the loop between two steps.</param>
    /// <inheritdoc cref="TrainAsync(IReadOnlyList{Root}, Optimizer, long, Feeds, TrainOptions, CancellationToken)"/>
    public IAsyncEnumerable<TrainProgress> TrainAsync(Node loss, Optimizer optimizer, long steps, Feeds? data = null, TrainOptions? options = null, CancellationToken cancellationToken = default) =>
        TrainAsync([new Root(loss)], optimizer, steps, data, options, cancellationToken);

    /// <summary>Many optimizer steps in a loop on the server, over slices of data that travels once.</summary>
    /// <returns>
    /// Reports as asked for, then one that is the last. The last comes also when the loop is stopped by the token or by an
    /// error, which is raised behind it: its step tells where to go on. Leaving the enumeration stops the loop. A lost
    /// connection is opened again and the loop goes on, with no step twice.
    /// </returns>
    /// <exception cref="GradientsClientException">It failed; without a last report nothing has changed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async IAsyncEnumerable<TrainProgress> TrainAsync(IReadOnlyList<Root> roots, Optimizer optimizer, long steps, Feeds? data = null, TrainOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(roots);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        options ??= new TrainOptions();
        var tensors = new RequestTensors(_limits);
        var request = ToMessage(roots, optimizer, steps, data, options, tensors);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<V1.CommandResult>? running = null;
        try
        {
            while (true)
            {
                var reports = Channel.CreateUnbounded<V1.TrainReport>();
                running = LoopAsync(request, tensors, options.Timeout, reports, leaving.Token);
                await foreach (var report in reports.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                    yield return new TrainProgress(report, false);
                var result = await running.ConfigureAwait(false);
                var ended = result.Train.Result;
                if (result.Replayed && IsCutOff(ended) && !leaving.IsCancellationRequested)
                {
                    request.FirstStep += ended.Steps;
                    request.Steps -= ended.Steps;
                    request.KeepGradients = false;
                    continue;
                }

                yield return new TrainProgress(ended.LastReport, true);
                if (ended.Stopped is { } stopped)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    throw Errors.Remote(stopped, ended.TraceId);
                }

                yield break;
            }
        }
        finally
        {
            await leaving.CancelAsync().ConfigureAwait(false);
            if (running is not null)
                await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Release(tensors);
        }
    }

    /// <summary>The connection was lost while the loop ran.</summary>
    private static bool IsCutOff(V1.TrainResult result) => result.Stopped is { Code: (int)Grpc.Core.StatusCode.Cancelled };

    private async Task<V1.CommandResult> LoopAsync(V1.TrainRequest request, RequestTensors tensors, TimeSpan? timeout, Channel<V1.TrainReport> reports, CancellationToken cancellationToken)
    {
        try
        {
            var pending = new PendingCommand(new V1.SessionCommand { Train = request }, changesState: true) { IsIdentified = true, Reported = r => reports.Writer.TryWrite(r) };
            return await SendAsync(pending, tensors, timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (GradientsClientException e) when (e.Reason == ErrorReasons.Cancelled && cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
        finally
        {
            reports.Writer.Complete();
        }
    }

    private V1.TrainRequest ToMessage(IReadOnlyList<Root> roots, Optimizer optimizer, long steps, Feeds? data, TrainOptions options, RequestTensors tensors)
    {
        options.SliceInput?.RequireUsableIn(this);
        var request = new V1.TrainRequest
        {
            Data = { tensors.Add(data, this, rows: true) },
            Feeds = { tensors.Add(options.Feeds, this) },
            BatchSize = checked((ulong)options.BatchSize),
            MicroBatches = checked((uint)options.MicroBatches),
            Remainder = options.KeepRemainder ? V1.EpochRemainder.Keep : V1.EpochRemainder.Drop,
            SliceInput = options.SliceInput?.Id ?? 0,
            Roots = { roots.Select(r => ToMessage(r, tensors)) },
            Wrt = { Ids(options.Wrt) },
            Optimizer = optimizer.ToMessage(),
            Steps = (ulong)steps,
            FirstStep = checked((ulong)options.FirstStep),
            ReportEvery = checked((ulong)options.ReportEvery),
            ReportGradients = options.ReportGradients,
            KeepGradients = options.KeepGradients,
            CheckFinite = options.CheckFinite,
        };
        if (options.ShuffleSeed is { } seed)
            request.ShuffleSeed = seed;
        return request;
    }
}
