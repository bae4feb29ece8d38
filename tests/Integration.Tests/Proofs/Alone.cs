namespace Gradients.Integration.Tests.Proofs;

/// <summary>Tests that measure memory or need the processors for themselves: nothing runs beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
