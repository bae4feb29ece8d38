using Gradients.Engine.Tensors;

namespace Gradients.Engine.Sessions.Training;

/// <summary>What becomes of the rows at the end of an epoch that do not fill a slice.</summary>
public enum EpochRemainder
{
    /// <summary>They are left out of the epoch.</summary>
    Drop,

    /// <summary>They are a slice of their own.</summary>
    Keep,
}

/// <summary>
/// Optimizer steps in a loop: each adds up the gradients of <see cref="MicroBatches"/> slices of the data and lets the
/// optimizer use the sum, with the bits of so many backward requests that accumulate and one that applies.
/// </summary>
public sealed record TrainRequest : SessionRequest
{
    /// <summary>Inputs that are fed by slices of axis 0. They stay the caller's; they must live until the answer.</summary>
    public IReadOnlyDictionary<ulong, Tensor> Data { get; init; } = new Dictionary<ulong, Tensor>();

    /// <summary>Inputs that get the same in every slice; they, too, stay the caller's.</summary>
    public IReadOnlyDictionary<ulong, Tensor> Feeds { get; init; } = new Dictionary<ulong, Tensor>();

    /// <summary>Rows of a slice; 0 = all.</summary>
    public long BatchSize { get; init; }

    /// <summary>Slices of a step; 0 = 1.</summary>
    public long MicroBatches { get; init; } = 1;

    /// <summary>An order of its own for each epoch, see <see cref="RowOrder"/>; null = the data's.</summary>
    public ulong? ShuffleSeed { get; init; }

    public EpochRemainder Remainder { get; init; }

    /// <summary>An int64 input of one element that gets the slice's number; 0 = none.</summary>
    public ulong SliceInput { get; init; }

    public IReadOnlyList<GradientRoot> Roots { get; init; } = [];

    /// <summary>Empty means all floating variables that the roots depend on.</summary>
    public IReadOnlyList<ulong> Wrt { get; init; } = [];

    public required Optimizer Optimizer { get; init; }

    public long Steps { get; init; }

    /// <summary>Number of the first step: which slices it takes.</summary>
    public long FirstStep { get; init; }

    /// <summary>Steps between two reports; 0 = none but the last.</summary>
    public long ReportEvery { get; init; }

    /// <summary>Report norm and finiteness of each gradient.</summary>
    public bool ReportGradients { get; init; }

    /// <summary>Let the first step add to the gradients that are accumulated already.</summary>
    public bool KeepGradients { get; init; }

    /// <summary>Stop with NON_FINITE_VALUE at the first node that gives NaN or infinity; its step is not applied.</summary>
    public bool CheckFinite { get; init; }

    /// <summary>Who is told of reports; null = nobody.</summary>
    public ITrainObserver? Observer { get; init; }
}

/// <summary>Takes the reports of a loop, on its compute thread: it may neither wait nor throw.</summary>
public interface ITrainObserver
{
    /// <summary>Whether a report would be taken now. One that is not taken is left out; the next covers its steps.</summary>
    bool IsReady { get; }

    void Take(TrainReport report);
}
