using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using Google.Protobuf;
using Gradients.Engine;
using Gradients.Engine.Execution;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Security;
using Gradients.Server.Telemetry;
using Gradients.Server.Wire;

namespace Gradients.Server.Evaluations;

/// <summary>
/// Requests that the server makes to itself before it is ready, so that those of clients find their graph stored and their plan
/// compiled. Each file <c>*.json</c> of the folder is an EvaluateRequest in proto3 JSON; files in a folder of the folder are
/// for the tenant of that name. A file with a fault keeps the server from starting.
/// </summary>
internal sealed class WarmUp : IHostedLifecycleService
{
    private readonly List<(string File, string Tenant, V1.EvaluateRequest Request)> _requests = [];
    private readonly TenantRegistry _tenants;
    private readonly Evaluator _evaluator;
    private readonly Rehearsal _rehearsal;
    private readonly ILogger _logger;
    private volatile bool _isDone;

    /// <exception cref="ValidationException">Names the file and what is wrong with it.</exception>
    public WarmUp(GradientsServerOptions options, TenantRegistry tenants, EngineHost host, Evaluator evaluator, Rehearsal rehearsal, ILogger<WarmUp> logger)
    {
        (_tenants, _evaluator, _rehearsal, _logger) = (tenants, evaluator, rehearsal, logger);
        foreach (var (file, tenant) in options.WarmUp.Length == 0 ? [] : Files(options))
        {
            AsTenant(file, tenant, usage =>
            {
                using var tensors = new TensorReader(host, usage.Engine, null, options);
                var request = JsonParser.Default.Parse<V1.EvaluateRequest>(File.ReadAllText(file));
                WarmUpRequest.Prepare(request, usage, tensors);
                _requests.Add((file, tenant, request));
                return Task.CompletedTask;
            }).GetAwaiter().GetResult();
        }

        _isDone = _requests.Count == 0;
    }

    /// <summary>Whether all requests are answered.</summary>
    public bool IsDone => _isDone;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>The server listens already and says that it is not ready.</summary>
    /// <exception cref="ValidationException">A request failed: the server stops.</exception>
    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        foreach (var (file, tenant, request) in _requests)
        {
            var began = Stopwatch.GetTimestamp();
            await AsTenant(file, tenant, async usage =>
            {
                using var wire = new WireCharge(usage.Wire);
                using var reply = await _evaluator.EvaluateAsync(request, new EvaluationContext(usage, default, wire, null, InlineBytes: 0, cancellationToken));
                await _rehearsal.EvaluateAsync(request, tenant, usage, cancellationToken);
            });
            _logger.WarmedUp(file, request.Graph.DigestName, Stopwatch.GetElapsedTime(began));
        }

        if (_requests.Count > 0)
            await _rehearsal.ConnectAsync(cancellationToken);
        _requests.Clear();
        _isDone = true;
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Files in the order of their names; what begins with a dot is left out, as a mounted ConfigMap has it.</summary>
    private static List<(string File, string Tenant)> Files(GradientsServerOptions options)
    {
        var folder = new DirectoryInfo(options.WarmUp);
        if (!folder.Exists)
            throw new ValidationException($"WarmUp: there is no folder {folder.FullName}.");
        var files = Json(folder, "").ToList();
        if (files.Count > 0 && !options.IsOpen)
            throw new ValidationException($"WarmUp: {files[0].File}: callers have tenants here; put the file into a folder of its tenant's name.");
        foreach (var tenant in folder.EnumerateDirectories().Where(d => !d.Name.StartsWith('.')).OrderBy(d => d.Name, StringComparer.Ordinal))
            files.AddRange(Json(tenant, tenant.Name));
        return files;
    }

    private static IEnumerable<(string File, string Tenant)> Json(DirectoryInfo folder, string tenant) =>
        folder.EnumerateFiles("*.json").Where(f => !f.Name.StartsWith('.')).OrderBy(f => f.Name, StringComparer.Ordinal).Select(f => (f.FullName, tenant));

    private async Task AsTenant(string file, string tenant, Func<TenantUsage, Task> action)
    {
        var usage = _tenants.Enter(new Caller(tenant));
        try
        {
            await action(usage);
        }
        catch (GradientsException e)
        {
            throw new ValidationException($"WarmUp: {file}: {e.Reason}: {e.Message}", e);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or IOException or UnauthorizedAccessException or FormatException)
        {
            throw new ValidationException($"WarmUp: {file}: {e.Message}", e);
        }
        finally
        {
            TenantRegistry.Leave(usage);
        }
    }
}
