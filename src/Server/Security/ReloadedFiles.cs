using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using Gradients.Server.Telemetry;

namespace Gradients.Server.Security;

/// <summary>
/// What files say, read again at an interval. Content is compared, not times: volumes change by symbolic links. Content that
/// is broken, or a file that is gone, leaves the value as it was and is logged once.
/// </summary>
internal sealed class ReloadedFiles<T> : IDisposable
    where T : class
{
    private readonly string _setting;
    private readonly string[] _paths;
    private readonly int _maxBytes;
    private readonly Func<byte[][], T> _parse;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private volatile T _value;
    private byte[] _digest;
    private string _failure = "";

    /// <param name="setting">Names the setting in messages.</param>
    /// <param name="paths">The files.</param>
    /// <param name="maxBytes">Bytes of one file at most.</param>
    /// <param name="parse">Makes the value of the files' contents, in their order.</param>
    /// <exception cref="ValidationException">A file cannot be read or is broken.</exception>
    public ReloadedFiles(string setting, string[] paths, int maxBytes, Func<byte[][], T> parse, TimeSpan interval, TimeProvider time, ILogger logger)
    {
        (_setting, _paths, _maxBytes, _parse, _logger) = (setting, paths, maxBytes, parse, logger);
        try
        {
            var contents = Read();
            _digest = Digest(contents);
            _value = parse(contents);
        }
        catch (Exception e)
        {
            throw new ValidationException($"{setting}: {e.Message}", e);
        }

        _timer = time.CreateTimer(_ => Refresh(), null, interval, interval);
    }

    public T Value => _value;

    public void Dispose() => _timer.Dispose();

    private static byte[] Digest(byte[][] contents)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var content in contents)
            hash.AppendData(SHA256.HashData(content));
        return hash.GetHashAndReset();
    }

    private void Refresh()
    {
        // A slow disk must not pile up callbacks.
        if (!_gate.TryEnter())
            return;
        try
        {
            var contents = Read();
            var digest = Digest(contents);
            if (digest.AsSpan().SequenceEqual(_digest))
            {
                _failure = "";
                return;
            }

            _value = _parse(contents);
            _digest = digest;
            _failure = "";
            _logger.Reloaded(_setting);
        }
        catch (Exception e)
        {
            if (e.Message == _failure)
                return;
            _failure = e.Message;
            _logger.ReloadFailed(_setting, e.Message);
        }
        finally
        {
            _gate.Exit();
        }
    }

    private byte[][] Read() => Array.ConvertAll(_paths, Read);

    private byte[] Read(string path)
    {
        using var file = File.OpenRead(path);
        var buffer = new byte[Math.Min(file.Length, _maxBytes) + 1];
        var length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (length > _maxBytes)
            throw new InvalidDataException($"'{path}' has more than {_maxBytes} bytes.");
        if (length == buffer.Length)
            throw new IOException($"'{path}' is being written.");
        return buffer[..length];
    }
}
