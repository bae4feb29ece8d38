using System.Diagnostics;

namespace Gradients.Engine.Compilation;

/// <summary>
/// Programs by scope and canonical key, shared by all sessions of a scope, bounded by bytes. Keys are compared by content.
/// Under concurrency each key is compiled once; a failed compilation is not kept.
/// </summary>
/// <remarks>
/// A scope is a tenant. A hit saves the time of a compilation, which a client can measure: programs are not shared between
/// scopes, or a tenant would learn by timing what graphs another one uses. The price is one compilation and one copy for
/// each tenant that uses the same graph.
/// <para>Eviction takes the least recently used program of the scope that holds most bytes. Above the capacity C with n scopes
/// that one holds at least C/n, so a scope that holds less than its equal part loses nothing to others, whatever they compile.</para>
/// </remarks>
public sealed class PlanCache(long capacityBytes = 256L << 20)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Scope> _scopes = [];
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
                return _scopes.Values.Sum(s => s.Entries.Count);
        }
    }

    /// <summary>The program of a key, compiled by <paramref name="compile"/> when it is new.</summary>
    /// <param name="hit">Whether it was there already.</param>
    /// <param name="scope">Whose programs they are.</param>
    public CompiledProgram Get(ReadOnlySpan<byte> key, Func<CompiledProgram> compile, out bool hit, string scope = "")
    {
        Entry entry;
        lock (_gate)
        {
            if (!_scopes.TryGetValue(scope, out var owner))
                _scopes[scope] = owner = new Scope(scope);
            hit = owner.Entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out entry!);
            if (hit)
            {
                owner.Recent.Remove(entry.Link);
            }
            else
            {
                entry = new Entry(owner, key.ToArray());
                owner.Entries.Add(entry.Key, entry);
            }

            owner.Recent.AddFirst(entry.Link);
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
            entry.Owner.Bytes += entry.Bytes;
            while (_bytes > capacityBytes)
            {
                // The one program of the only scope stays, however large: its session would compile it at every step.
                var last = Largest().Recent.Last!;
                if (last == entry.Link && _scopes.Count == 1)
                    return;
                RemoveLocked(last.Value);
                _evictions++;
            }
        }
    }

    private Scope Largest()
    {
        Scope? largest = null;
        foreach (var scope in _scopes.Values)
        {
            if (largest is null || scope.Bytes > largest.Bytes)
                largest = scope;
        }

        return largest!;
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
        var owner = entry.Owner;
        owner.Recent.Remove(entry.Link);
        owner.Entries.Remove(entry.Key);
        owner.Bytes -= entry.Bytes;
        _bytes -= entry.Bytes;
        if (owner.Entries.Count == 0)
            _scopes.Remove(owner.Name);
    }

    private sealed class Scope(string name)
    {
        public string Name { get; } = name;

        public Dictionary<byte[], Entry> Entries { get; } = new(ByContent.Instance);

        public LinkedList<Entry> Recent { get; } = new();

        public long Bytes { get; set; }
    }

    private sealed class Entry
    {
        public Entry(Scope owner, byte[] key)
        {
            Owner = owner;
            Key = key;
            Link = new LinkedListNode<Entry>(this);
        }

        public Scope Owner { get; }

        public byte[] Key { get; }

        public LinkedListNode<Entry> Link { get; }

        public Lock Compiling { get; } = new();

        public long Bytes { get; set; }

        public volatile CompiledProgram? Program;
    }
}
