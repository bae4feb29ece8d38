using System.Diagnostics;
using Gradients.Engine.Tensors;
using Gradients.Server.Limits;

namespace Gradients.Server.Evaluations;

/// <summary>What an evaluation is executed with.</summary>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Wire">The memory of its reply.</param>
/// <param name="Handles">The tensors that it may name by handle, each as a share; null where there are none.</param>
/// <param name="InlineBytes">Larger results do not travel in the reply itself.</param>
internal readonly record struct EvaluationContext(TenantUsage Tenant, ActivityContext Trace, WireCharge Wire, Func<ulong, Tensor>? Handles, long InlineBytes, CancellationToken Cancellation);
