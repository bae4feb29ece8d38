using System.Threading.Channels;
using Gradients.Engine.Sessions.Training;

namespace Gradients.Server.Sessions;

/// <summary>
/// Reports of a loop on their way to the client: a few, then the loop leaves further ones out, so that a client that reads
/// slowly neither holds it up nor fills memory.
/// </summary>
internal sealed class ReportQueue : ITrainObserver
{
    public const int Capacity = 8;

    private readonly Channel<TrainReport> _reports = Channel.CreateBounded<TrainReport>(new BoundedChannelOptions(Capacity) { SingleReader = true, SingleWriter = true });

    /// <summary>Completed when the loop has ended.</summary>
    public ChannelReader<TrainReport> Reader => _reports.Reader;

    public bool IsReady => _reports.Reader.Count < Capacity;

    public void Take(TrainReport report) => _reports.Writer.TryWrite(report);

    public void Complete() => _reports.Writer.TryComplete();
}
