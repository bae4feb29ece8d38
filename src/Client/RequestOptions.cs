namespace Gradients.Client;

/// <summary>What a request may ask for besides its content.</summary>
public sealed record RequestOptions
{
    /// <summary>From arrival at the server to the result, the wait in the queue included; over it DEADLINE_EXCEEDED and nothing has changed. Null: the session's.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Fail with NON_FINITE_VALUE at the first NaN or infinity, naming its node. Default false.</summary>
    public bool CheckFinite { get; init; }

    /// <summary>Return times, bytes and FLOPs per instruction. Default false.</summary>
    public bool Profile { get; init; }

    /// <summary>Zeros instead of absent gradients. Default false.</summary>
    public bool ZerosForAbsent { get; init; }
}

/// <summary>Where gradients go.</summary>
public enum GradientMode
{
    /// <summary>They are returned; accumulated gradients do not change.</summary>
    Return,

    /// <summary>They are added to the accumulated gradients of variables and not returned.</summary>
    Accumulate,

    /// <summary>Added and returned; what is returned is this request's gradient, not the sum.</summary>
    Both,
}
