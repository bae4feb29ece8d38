using Microsoft.Extensions.ObjectPool;

namespace Gradients.Server.Services;

/// <summary>Sources of cancellation serve call after call, as long as none was cancelled; one that cannot be reset is disposed.</summary>
internal sealed class CancellationPolicy(TimeProvider time) : PooledObjectPolicy<CancellationTokenSource>
{
    public override CancellationTokenSource Create() => new(Timeout.InfiniteTimeSpan, time);

    public override bool Return(CancellationTokenSource source) => source.TryReset();
}
