namespace Gradients.Server.Tests;

/// <summary>Tests that listen to spans or need that nobody does: sources of spans are the process's.</summary>
[CollectionDefinition(nameof(Observed), DisableParallelization = true)]
public sealed class Observed;
