using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Gradients.Engine.Compilation;

/// <summary>
/// Programs by canonical key, shared by all sessions, bounded by bytes, least recently used out first. Keys are compared by
/// content. Under concurrency each key is compiled once; a failed compilation is not kept.
/// </summary>
public sealed class PlanCache(long capacityBytes = 256L << 20)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<byte[], Entry> _entries = new(KeyComparer.Instance);
    private readonly LinkedList<Entry> _recent = new();
    private long _bytes;
    private long _compilations;
    private long _hits;
    private long _evictions;
    private long _compileTicks;

    /// <summary>How many programs were compiled, failures included.</summary>
    public long Compilations => Interlocked.Read(ref _compilations);

    public long Hits => Interlocked.Read(ref _hits);

    /// <summary>How many programs were dropped to stay within the capacity.</summary>
    public long Evictions => Interlocked.Read(ref _evictions);

    /// <summary>Time spent compiling, failures included.</summary>
    public TimeSpan CompileTime => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _compileTicks));

    /// <summary>Bytes of the programs that are kept, roughly.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
                return _bytes;
        }
    }

    public int Count
    {
        get
        {
            lock (_gate)
                return _entries.Count;
        }
    }

    /// <summary>The program of a key, compiled by <paramref name="compile"/> when it is new.</summary>
    /// <param name="hit">Whether it was there already.</param>
    public CompiledProgram Get(ReadOnlySpan<byte> key, Func<CompiledProgram> compile, out bool hit)
    {
        Entry entry;
        lock (_gate)
        {
            var lookup = _entries.GetAlternateLookup<ReadOnlySpan<byte>>();
            hit = lookup.TryGetValue(key, out entry!);
            if (hit)
            {
                _recent.Remove(entry.Link);
                _recent.AddFirst(entry.Link);
            }
            else
            {
                entry = new Entry(key.ToArray());
                _entries.Add(entry.Key, entry);
                _recent.AddFirst(entry.Link);
            }
        }

        if (hit && entry.Program is { } known)
        {
            Interlocked.Increment(ref _hits);
            return known;
        }

        lock (entry.Compiling)
        {
            if (entry.Program is { } program)
            {
                Interlocked.Increment(ref _hits);
                return program;
            }

            Interlocked.Increment(ref _compilations);
            var began = Stopwatch.GetTimestamp();
            try
            {
                program = compile();
            }
            catch
            {
                Remove(entry);
                throw;
            }
            finally
            {
                Interlocked.Add(ref _compileTicks, Stopwatch.GetTimestamp() - began);
            }

            Publish(entry, program);
            return program;
        }
    }

    private void Publish(Entry entry, CompiledProgram program)
    {
        lock (_gate)
        {
            entry.Program = program;
            entry.Bytes = program.Footprint + entry.Key.Length;
            if (entry.Link.List is null)
                return;
            _bytes += entry.Bytes;
            while (_bytes > capacityBytes && _recent.Last is { } last && last != entry.Link)
            {
                RemoveLocked(last.Value);
                _evictions++;
            }
        }
    }

    private void Remove(Entry entry)
    {
        lock (_gate)
            RemoveLocked(entry);
    }

    private void RemoveLocked(Entry entry)
    {
        if (entry.Link.List is null)
            return;
        _recent.Remove(entry.Link);
        _entries.Remove(entry.Key);
        _bytes -= entry.Bytes;
    }

    private sealed class Entry
    {
        public Entry(byte[] key)
        {
            Key = key;
            Link = new LinkedListNode<Entry>(this);
        }

        public byte[] Key { get; }

        public LinkedListNode<Entry> Link { get; }

        public Lock Compiling { get; } = new();

        public long Bytes { get; set; }

        public volatile CompiledProgram? Program;
    }

    private sealed class KeyComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly KeyComparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode((ReadOnlySpan<byte>)obj);

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = new HashCode();
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
