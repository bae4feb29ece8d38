using Google.Protobuf;
using Gradients.Engine.Sessions.Training;
using Gradients.Server.Errors;
using Gradients.Server.Wire;

namespace Gradients.Server.Sessions.Commands;

internal sealed class TrainCommand(V1.TrainRequest request) : Command
{
    public override string Name => "train";

    public override string Session => request.Session;

    public override ReportQueue Reports { get; } = new();

    protected override IMessage Request => request;

    /// <summary>A report as a message.</summary>
    public static V1.TrainResponse Write(TrainReport report) => new() { Report = Describe(report) };

    protected override V1.RequestId? TakeId()
    {
        var id = request.RequestId;
        request.RequestId = null;
        request.Session = "";
        return id;
    }

    protected override async ValueTask<Reply> ExecuteAsync(ServerSession session, CommandContext context)
    {
        using var tensors = context.Tensors(session);
        tensors.CheckCount(request.Wrt.Count, "wrt");
        context.Wire.Ensure(2 * ReportBytes(session));
        var result = await session.Engine.TrainAsync(
            new TrainRequest
            {
                Data = tensors.ReadFeeds(request.Data, "data"),
                Feeds = tensors.ReadFeeds(request.Feeds),
                BatchSize = Count(request.BatchSize, "batch_size"),
                MicroBatches = request.MicroBatches,
                ShuffleSeed = request.HasShuffleSeed ? request.ShuffleSeed : null,
                Remainder = Remainder(),
                SliceInput = request.SliceInput,
                Roots = GradientRequests.ReadRoots(request.Roots, tensors),
                Wrt = [.. request.Wrt],
                Optimizer = OptimizerReader.Read(request.Optimizer),
                Steps = Count(request.Steps, "steps"),
                FirstStep = Count(request.FirstStep, "first_step"),
                ReportEvery = Count(request.ReportEvery, "report_every"),
                ReportGradients = request.ReportGradients,
                KeepGradients = request.KeepGradients,
                CheckFinite = request.CheckFinite,
                Observer = Reports,
                Trace = context.Trace,
            },
            context.Cancellation);
        return new Reply(new V1.TrainResponse
        {
            Result = new V1.TrainResult
            {
                Steps = (ulong)result.Steps,
                Stopped = result.Stopped is { } stopped ? StatusOf(stopped, context) : null,
                LastReport = Describe(result.LastReport),
                Versions = { SetVariablesCommand.Write(result.Versions) },
            },
        });
    }

    private static V1.TrainReport Describe(TrainReport report)
    {
        var written = new V1.TrainReport
        {
            Step = (ulong)report.Step,
            Epoch = (ulong)report.Epoch,
            Losses = { report.Losses },
            MeanLosses = { report.MeanLosses },
        };
        foreach (var gradient in report.Gradients)
            written.Gradients.Add(new V1.Gradient { Value = gradient.Variable, Absent = gradient.Absent, Statistics = gradient.Absent ? null : GradientRequests.Statistics((gradient.Norm, gradient.Finite)) });
        return written;
    }

    /// <summary>The status of a loop that has changed something, which the usual text denies.</summary>
    private static Google.Rpc.Status StatusOf(Exception stopped, CommandContext context)
    {
        var status = context.Failures.StatusOf(stopped);
        if (stopped is OperationCanceledException)
            status.Message = "The loop ended before its last step; the steps that it has applied stay.";
        return status;
    }

    /// <summary>What the reports that wait and the result take, roughly.</summary>
    private long ReportBytes(ServerSession session)
    {
        var variables = request.Wrt.Count > 0 ? request.Wrt.Count : session.Engine.VariableCount;
        return (ReportQueue.Capacity + 1) * (128 + (16L * request.Roots.Count) + (request.ReportGradients ? 64L * variables : 0)) + (32L * variables);
    }

    private EpochRemainder Remainder() => request.Remainder switch
    {
        V1.EpochRemainder.Unspecified or V1.EpochRemainder.Drop => EpochRemainder.Drop,
        V1.EpochRemainder.Keep => EpochRemainder.Keep,
        _ => throw Refusals.Field("remainder", $"{(int)request.Remainder} is nothing that can become of the rows."),
    };

    private static long Count(ulong value, string field) =>
        value <= long.MaxValue ? (long)value : throw Refusals.Field(field, $"{value} is more than 2^63 - 1.");
}
