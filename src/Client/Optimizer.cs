namespace Gradients.Client;

/// <summary>An optimizer and its settings, with the names and defaults of PyTorch. Its state belongs to the variables, in the session.</summary>
public abstract record Optimizer
{
    private protected Optimizer()
    {
    }

    internal abstract V1.Optimizer ToMessage();
}

/// <summary>Stochastic gradient descent: b = momentum·b + (1 − dampening)·g; θ −= learning rate·b.</summary>
public sealed record Sgd : Optimizer
{
    /// <summary>Default 0.001.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Default 0: no state.</summary>
    public double Momentum { get; init; }

    /// <summary>Default 0.</summary>
    public double Dampening { get; init; }

    /// <summary>Added to the gradient as weight decay·θ. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Needs momentum and no dampening. Default false.</summary>
    public bool Nesterov { get; init; }

    internal override V1.Optimizer ToMessage() => new()
    {
        Sgd = new V1.Sgd { LearningRate = LearningRate, Momentum = Momentum, Dampening = Dampening, WeightDecay = WeightDecay, Nesterov = Nesterov },
    };
}

/// <summary>Adam: θ −= learning rate·m̂ / (√v̂ + epsilon), with bias-corrected moments m and v of the gradient.</summary>
public sealed record Adam : Optimizer
{
    /// <summary>Default 0.001.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>In [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>In [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Added to the gradient as weight decay·θ. Default 0.</summary>
    public double WeightDecay { get; init; }

    internal override V1.Optimizer ToMessage() => new()
    {
        Adam = new V1.Adam { LearningRate = LearningRate, Beta1 = Beta1, Beta2 = Beta2, Epsilon = Epsilon, WeightDecay = WeightDecay },
    };
}

/// <summary>Adam with decoupled weight decay: θ −= learning rate·weight decay·θ, then Adam's step.</summary>
public sealed record AdamW : Optimizer
{
    /// <summary>Default 0.001.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>In [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>In [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Does not pass through the moments. Default 0.01.</summary>
    public double WeightDecay { get; init; } = 0.01;

    internal override V1.Optimizer ToMessage() => new()
    {
        AdamW = new V1.AdamW { LearningRate = LearningRate, Beta1 = Beta1, Beta2 = Beta2, Epsilon = Epsilon, WeightDecay = WeightDecay },
    };
}
