using System.Net;
using Gradients.Server.Telemetry;
using Microsoft.IdentityModel.Tokens;

namespace Gradients.Server.Security;

/// <summary>
/// The issuer's keys from the configured address, downloaded at the start and then at an interval. When a download fails, the
/// keys stay as they were and the next look tries again.
/// </summary>
internal sealed class DownloadedKeys : IHostedService, IDisposable
{
    private const string Setting = "Authentication:Jwt:JwksUrl";

    private readonly AuthenticationOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, AutomaticDecompression = DecompressionMethods.None })
    {
        Timeout = TimeSpan.FromSeconds(10),
        MaxResponseContentBufferSize = SigningKeys.MaxSetBytes,
    };

    private readonly CancellationTokenSource _stopping = new();
    private volatile SecurityKey[] _keys = [];
    private DateTimeOffset _next = DateTimeOffset.MinValue;
    private int _isBusy;
    private ITimer? _timer;

    public DownloadedKeys(AuthenticationOptions options, TimeProvider time, ILogger logger)
    {
        _options = options;
        _time = time;
        _logger = logger;
    }

    public SecurityKey[] Keys => _keys;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await RefreshAsync();
        _timer = _time.CreateTimer(_ => _ = RefreshAsync(), null, _options.RefreshInterval, _options.RefreshInterval);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _stopping.CancelAsync();

    public void Dispose()
    {
        _timer?.Dispose();
        _http.Dispose();
        _stopping.Dispose();
    }

    private async Task RefreshAsync()
    {
        if (_time.GetUtcNow() < _next || Interlocked.Exchange(ref _isBusy, 1) == 1)
            return;
        try
        {
            _keys = SigningKeys.Parse(await _http.GetByteArrayAsync(_options.Jwt.JwksUrl, _stopping.Token));
            _next = _time.GetUtcNow() + _options.Jwt.JwksRefreshInterval;
        }
        catch (Exception e)
        {
            if (!_stopping.IsCancellationRequested)
                _logger.ReloadFailed(Setting, e.Message);
        }
        finally
        {
            Volatile.Write(ref _isBusy, 0);
        }
    }
}
