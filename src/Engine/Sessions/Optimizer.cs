using Gradients.Engine.Graph;
using Gradients.Engine.Ops;

namespace Gradients.Engine.Sessions;

/// <summary>
/// An update rule for one parameter, written as nodes like everything else, so that a step is one fused pass over it.
/// Settings enter as scalars that are bound at run time: changing the learning rate compiles nothing.
/// </summary>
public abstract record Optimizer
{
    /// <summary>Two optimizers of the same kind share state; another kind starts afresh.</summary>
    public abstract string Kind { get; }

    /// <summary>How many tensors of the parameter's shape it keeps.</summary>
    public abstract int StateCount { get; }

    /// <summary>Variants of the rule that are different graphs.</summary>
    public abstract string Variant { get; }

    /// <summary>How many scalars a step has.</summary>
    public abstract int ScalarCount { get; }

    /// <summary>Writes the scalars of step <paramref name="step"/>, which is 1 for the first.</summary>
    public abstract void Scalars(long step, Span<double> scalars);

    /// <summary>Appends the update; returns the new parameter, then the new state.</summary>
    public abstract Node[] Build(Node parameter, Node gradient, Node[] state, Node[] scalars);

    /// <exception cref="GradientsException">INVALID_FIELD naming the setting.</exception>
    public abstract void Validate();

    protected static void Require(bool condition, string setting, double value, string range)
    {
        if (!condition)
            throw GradientsException.Invalid(ErrorReasons.InvalidField, $"optimizer.{setting} is {value}; it must be {range}.").With("field", setting);
    }
}

/// <summary>
/// Stochastic gradient descent as in PyTorch: g ← ∇ + λθ; v ← μv + (1−τ)g (v ← g at the first step); θ ← θ − η·v, or with
/// Nesterov θ ← θ − η·(g + μv).
/// </summary>
public sealed record Sgd(double LearningRate, double Momentum = 0, bool Nesterov = false, double WeightDecay = 0, double Dampening = 0) : Optimizer
{
    public override string Kind => Momentum != 0 ? "sgd-momentum" : "sgd";

    public override int StateCount => Momentum != 0 ? 1 : 0;

    public override int ScalarCount => 4;

    public override string Variant => $"{Kind}{(Nesterov ? "-nesterov" : "")}{(WeightDecay != 0 ? "-decay" : "")}";

    /// <summary>The state is zero before the first step, so a first factor of 1 instead of 1−τ makes v = g.</summary>
    public override void Scalars(long step, Span<double> scalars)
    {
        scalars[0] = LearningRate;
        scalars[1] = Momentum;
        scalars[2] = step == 1 ? 1 : 1 - Dampening;
        scalars[3] = WeightDecay;
    }

    public override Node[] Build(Node parameter, Node gradient, Node[] state, Node[] scalars)
    {
        var g = WeightDecay != 0 ? gradient + (scalars[3] * parameter) : gradient;
        if (Momentum == 0)
            return [parameter - (scalars[0] * g)];
        var v = (scalars[1] * state[0]) + (scalars[2] * g);
        return [parameter - (scalars[0] * (Nesterov ? g + (scalars[1] * v) : v)), v];
    }

    public override void Validate()
    {
        Require(LearningRate >= 0 && double.IsFinite(LearningRate), "learning_rate", LearningRate, "finite and at least 0");
        Require(Momentum is >= 0 and <= 1, "momentum", Momentum, "between 0 and 1");
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), "weight_decay", WeightDecay, "finite and at least 0");
        Require(double.IsFinite(Dampening), "dampening", Dampening, "finite");
        Require(!Nesterov || (Momentum > 0 && Dampening == 0), "nesterov", 1, "off unless momentum is above 0 and dampening is 0");
    }
}

/// <summary>
/// Adam (Kingma and Ba 2015, algorithm 1) and, decoupled, AdamW (Loshchilov and Hutter 2019, algorithm 2):
/// m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; θ ← θ − η·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε). Adam adds λθ to g; AdamW first scales
/// θ by 1−ηλ.
/// </summary>
public sealed record Adam(double LearningRate = 1e-3, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0, bool Decoupled = false) : Optimizer
{
    public override string Kind => Decoupled ? "adamw" : "adam";

    public override int StateCount => 2;

    public override int ScalarCount => 8;

    public override string Variant => $"{Kind}{(WeightDecay != 0 ? "-decay" : "")}";

    public override void Scalars(long step, Span<double> scalars)
    {
        scalars[0] = LearningRate / (1 - Math.Pow(Beta1, step));
        scalars[1] = Beta1;
        scalars[2] = 1 - Beta1;
        scalars[3] = Beta2;
        scalars[4] = 1 - Beta2;
        scalars[5] = Math.Sqrt(1 - Math.Pow(Beta2, step));
        scalars[6] = Epsilon;
        scalars[7] = Decoupled ? 1 - (LearningRate * WeightDecay) : WeightDecay;
    }

    public override Node[] Build(Node parameter, Node gradient, Node[] state, Node[] scalars)
    {
        var g = !Decoupled && WeightDecay != 0 ? gradient + (scalars[7] * parameter) : gradient;
        var start = Decoupled && WeightDecay != 0 ? scalars[7] * parameter : parameter;
        var m = (scalars[1] * state[0]) + (scalars[2] * g);
        var v = (scalars[3] * state[1]) + (scalars[4] * (g * g));
        return [start - (scalars[0] * (m / ((v.Sqrt() / scalars[5]) + scalars[6]))), m, v];
    }

    public override void Validate()
    {
        Require(LearningRate >= 0 && double.IsFinite(LearningRate), "learning_rate", LearningRate, "finite and at least 0");
        Require(Beta1 is >= 0 and < 1, "beta1", Beta1, "at least 0 and below 1");
        Require(Beta2 is >= 0 and < 1, "beta2", Beta2, "at least 0 and below 1");
        Require(Epsilon >= 0 && double.IsFinite(Epsilon), "epsilon", Epsilon, "finite and at least 0");
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), "weight_decay", WeightDecay, "finite and at least 0");
    }
}
