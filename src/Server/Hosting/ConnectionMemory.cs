using System.Buffers;
using Gradients.Engine.Execution;
using Microsoft.AspNetCore.Connections;

namespace Gradients.Server.Hosting;

/// <summary>
/// The buffers of all connections. Large blocks, which move tensors with few system calls, up to
/// <see cref="GradientsServerOptions.ConnectionBufferBytes"/>; beyond them small ones, which are counted to the memory budget
/// and may exceed it by as much again: tensors that fill the budget close no connection, and what clients send and nobody reads
/// yet cannot grow without bound. Where that has no room either a connection that wants more is closed.
/// </summary>
internal sealed class ConnectionMemory(GradientsServerOptions options, EngineHost host) : IMemoryPoolFactory<byte>
{
    public const int LargeBytes = 64 << 10;
    public const int SmallBytes = 4 << 10;

    // Small blocks are counted so many bytes at a time, and so many are kept.
    private const long StepBytes = 256 << 10;

    private readonly Stack<Block> _large = new();
    private readonly Stack<Block> _small = new();
    private readonly Lock _gate = new();
    private readonly long _maxLarge = options.ConnectionBufferBytes / LargeBytes;
    private long _largeBlocks;
    private long _rentedBytes;
    private long _highWaterBytes;
    private long _smallBytes;
    private long _countedBytes;

    /// <summary>Bytes of blocks that connections hold now.</summary>
    public long RentedBytes => Volatile.Read(ref _rentedBytes);

    /// <summary>The most bytes that connections held at one time.</summary>
    public long HighWaterBytes => Volatile.Read(ref _highWaterBytes);

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new Pool(this);

    /// <exception cref="Engine.GradientsException">MEMORY_BUDGET_EXCEEDED: the connection is closed.</exception>
    private Block Rent()
    {
        Block? block;
        bool isLarge;
        lock (_gate)
        {
            if (!_large.TryPop(out block))
            {
                isLarge = _largeBlocks < _maxLarge;
                if (isLarge)
                    _largeBlocks++;
                else
                    Count();
            }
            else
            {
                isLarge = true;
            }

            if (!isLarge)
                _small.TryPop(out block);
            _rentedBytes += isLarge ? LargeBytes : SmallBytes;
            _highWaterBytes = Math.Max(_highWaterBytes, _rentedBytes);
        }

        block ??= new Block(this, isLarge ? LargeBytes : SmallBytes);
        block.Rented();
        return block;
    }

    private void Return(Block block)
    {
        lock (_gate)
        {
            _rentedBytes -= block.Size;
            if (block.Size == LargeBytes)
            {
                _large.Push(block);
                return;
            }

            if (_small.Count * SmallBytes < StepBytes)
                _small.Push(block);
            Discount();
        }
    }

    private void Count()
    {
        if (_smallBytes + SmallBytes > _countedBytes)
        {
            host.Pool.Charge(StepBytes, beyond: options.ConnectionBufferBytes);
            _countedBytes += StepBytes;
        }

        _smallBytes += SmallBytes;
    }

    /// <summary>One step is kept while any small block is out, so that the count does not go up and down with each.</summary>
    private void Discount()
    {
        _smallBytes -= SmallBytes;
        if (_countedBytes - _smallBytes < 2 * StepBytes && _smallBytes > 0)
            return;
        var spare = (_countedBytes - _smallBytes) / StepBytes * StepBytes;
        _countedBytes -= spare;
        host.Pool.Discharge(spare);
    }

    /// <summary>Kestrel asks for at most <see cref="MaxBufferSize"/> and uses all that it gets.</summary>
    private sealed class Pool(ConnectionMemory memory) : MemoryPool<byte>
    {
        public override int MaxBufferSize => SmallBytes;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, SmallBytes);
            return memory.Rent();
        }

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Block(ConnectionMemory memory, int size) : IMemoryOwner<byte>
    {
        // Not pinned: it stays, so it is soon moved no more, and new pinned memory makes the whole heap be collected.
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(size);
        private int _rented;

        public int Size => _bytes.Length;

        public Memory<byte> Memory => _bytes;

        public void Rented() => Volatile.Write(ref _rented, 1);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _rented, 0) == 1)
                memory.Return(this);
        }
    }
}
