namespace Gradients.Client;

/// <summary>How a loop feeds its data and what it tells.</summary>
public sealed record TrainOptions
{
    /// <summary>Rows of a slice. Default 0: all rows of the data.</summary>
    public long BatchSize { get; init; }

    /// <summary>Slices whose gradients are added up for one step. Default 1. To average them, give the roots cotangents of 1 / micro batches.</summary>
    public int MicroBatches { get; init; } = 1;

    /// <summary>Each epoch has an order of its own that follows from this seed. Default null: the data's order.</summary>
    public ulong? ShuffleSeed { get; init; }

    /// <summary>True: rows that do not fill a slice at the end of an epoch are a smaller one. Default false: they are left out of the epoch.</summary>
    public bool KeepRemainder { get; init; }

    /// <summary>Inputs that get the same in every slice. Default none.</summary>
    public Feeds? Feeds { get; init; }

    /// <summary>An int64 input of one element that gets the slice's number: the step of random ops. Default none.</summary>
    public Node? SliceInput { get; init; }

    /// <summary>What to step. Default all variables that the roots depend on.</summary>
    public IReadOnlyList<Variable>? Wrt { get; init; }

    /// <summary>Number of the first step, to go on where another loop has ended. Default 0.</summary>
    public long FirstStep { get; init; }

    /// <summary>Steps between two reports. Default 0: only the last step is reported.</summary>
    public long ReportEvery { get; init; }

    /// <summary>Report norm and finiteness of each gradient. Default false.</summary>
    public bool ReportGradients { get; init; }

    /// <summary>The first step adds to the gradients that are accumulated already. Default false: it starts from none.</summary>
    public bool KeepGradients { get; init; }

    /// <summary>Stop with NON_FINITE_VALUE before a step in which a NaN or an infinity occurs. Default false.</summary>
    public bool CheckFinite { get; init; }

    /// <summary>From arrival at the server to the end of the loop; over it the loop is stopped between two steps. Default none.</summary>
    public TimeSpan? Timeout { get; init; }
}
