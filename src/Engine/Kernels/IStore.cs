using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Gradients.Engine.Kernels;

/// <summary>How a loop writes its results.</summary>
internal unsafe interface IStore
{
    static abstract void Store<V, T>(V value, T* destination)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>;
}

/// <summary>Through the caches, at any address.</summary>
internal readonly unsafe struct CachedStore : IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V, T>(V value, T* destination)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => value.Store(destination);
}

/// <summary>
/// Past the caches: a line that is written whole is not read from memory first, which saves a quarter of the traffic of a sum of
/// two arrays. Worth it only for what the caches would not keep until it is read. Other threads see such stores after a
/// <see cref="Fence"/>.
/// </summary>
internal readonly unsafe struct StreamingStore : IStore
{
    /// <summary>Whether results can be written from this address on.</summary>
    public static bool Takes(void* destination) => (nuint)destination % Prefetch.CacheLine == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V, T>(V value, T* destination)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => value.StoreStreaming(destination);

    /// <summary>Orders the stores before it ahead of all stores behind it.</summary>
    public static void Fence()
    {
        if (Sse.IsSupported)
            Sse.StoreFence();
    }
}
