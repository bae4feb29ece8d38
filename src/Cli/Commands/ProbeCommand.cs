using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace Gradients.Cli.Commands;

/// <summary><c>gradients probe</c>: the health check of an image without a shell.</summary>
internal static class ProbeCommand
{
    public static Command Create()
    {
        var address = new Option<string>("--address") { HelpName = "URL", Description = "Where to ask, such as http://127.0.0.1:50053. [default: the management port for gRPC of the server that this process's GRADIENTS__ settings configure]" };
        address.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<string>() is { } text && !ServerAddress.IsUrl(text))
                r.AddError($"--address takes a URL such as http://127.0.0.1:50053; '{text}' is none.");
        });
        var timeout = new Option<double>("--timeout") { HelpName = "SECONDS", Description = "Seconds to wait for the answer, 0.1 to 60.", DefaultValueFactory = _ => 3 };
        timeout.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<double>() is not (>= 0.1 and <= 60))
                r.AddError("--timeout takes 0.1 to 60 seconds.");
        });

        var command = new Command("probe", "Ask the health of a server by grpc.health.v1. Exits 0 when it is SERVING, 1 when it is not or does not answer.")
        {
            address, timeout,
        };
        command.SetAction(async (result, cancellation) =>
        {
            var error = result.InvocationConfiguration.Error;
            Uri target;
            try
            {
                target = result.GetValue(address) is { } text ? new Uri(text) : ServerAddress.OfHealth(ServerAddress.Configuration());
            }
            catch (Exception e) when (e is FormatException or InvalidOperationException or InvalidDataException)
            {
                await error.WriteLineAsync($"gradients probe: {e.Message}");
                return ExitCodes.Usage;
            }

            var failure = await AskAsync(target, TimeSpan.FromSeconds(result.GetValue(timeout)), cancellation);
            if (failure is null)
                return ExitCodes.Ok;
            await error.WriteLineAsync($"gradients probe: {target.GetLeftPart(UriPartial.Authority)}: {failure}");
            return ExitCodes.Failure;
        });
        return command;
    }

    /// <summary>Null when it serves, else why not.</summary>
    private static async Task<string?> AskAsync(Uri target, TimeSpan timeout, CancellationToken cancellation)
    {
        using var channel = GrpcChannel.ForAddress(target);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            var response = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), cancellationToken: limit.Token);
            return response.Status == HealthCheckResponse.Types.ServingStatus.Serving ? null : response.Status == HealthCheckResponse.Types.ServingStatus.NotServing ? "NOT_SERVING" : "UNKNOWN";
        }
        catch (RpcException) when (limit.IsCancellationRequested)
        {
            return string.Create(CultureInfo.InvariantCulture, $"no answer within {timeout.TotalSeconds:0.#} s");
        }
        catch (RpcException e)
        {
            return $"{e.StatusCode}: {e.Status.DebugException?.GetBaseException().Message ?? e.Status.Detail}";
        }
    }
}
