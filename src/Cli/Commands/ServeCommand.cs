using System.CommandLine;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using Gradients.Server.Hosting;
using Gradients.Server.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Gradients.Cli.Commands;

/// <summary><c>gradients serve</c>: a server until SIGTERM or SIGINT, which drains before it ends.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var host = new Option<string>("--host") { HelpName = "ADDRESS", Description = "IP address to listen on. Beyond loopback TLS must be configured, or plaintext allowed. [default: 127.0.0.1]" };
        host.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<string>() is { } text && !IPAddress.TryParse(text, out _))
                r.AddError($"--host takes an IP address; '{text}' is none.");
        });
        var port = new Option<int?>("--port") { HelpName = "PORT", Description = $"TCP port, 0 to 65535; 0 picks a free one. [default: {ServerAddress.DefaultPort}]" };
        port.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int?>() is < 0 or > 65535)
                r.AddError("--port takes 0 to 65535.");
        });
        var management = new Option<int?>("--management-port") { HelpName = "PORT", Description = $"TCP port of /healthz, /readyz, /drain and /metrics on loopback, 0 to 65534; gRPC health for probes is on the next one. 0 picks free ones. [default: {ServerAddress.DefaultManagementPort}, or 0 with --port 0]" };
        management.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int?>() is < 0 or > 65534)
                r.AddError("--management-port takes 0 to 65534.");
        });
        var web = new Option<int?>("--web-port") { HelpName = "PORT", Description = "TCP port of gRPC-Web and JSON, 0 to 65535; 0 picks a free one. [default: none]" };
        web.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int?>() is < 0 or > 65535)
                r.AddError("--web-port takes 0 to 65535.");
        });
        var socket = new Option<string>("--socket") { HelpName = "FILE", Description = "A Unix domain socket to listen on beside the port, for clients on this machine with the address unix:FILE. Only this user may connect. [default: none]" };
        var portFile = new Option<FileInfo>("--port-file") { HelpName = "FILE", Description = "Written in one step with the port number once the server listens: scripts wait for it. An older one is removed first." };
        var memory = new Option<string>("--memory") { HelpName = "BYTES", Description = "Tensor memory of the whole server: bytes, or with a unit as in 512MB and 2GB (powers of 1024), at least 1MB. [default: 1GB]" };
        memory.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<string>() is { } text && !ByteCount.TryParse(text, out _))
                r.AddError($"--memory takes a number of bytes such as 2147483648 or 2GB; '{text}' is none.");
        });
        var threads = new Option<int?>("--threads") { HelpName = "N", Description = "Compute threads, 0 to 1024; 0 is one per processor. [default: 0]" };
        threads.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int?>() is < 0 or > 1024)
                r.AddError("--threads takes 0 to 1024.");
        });

        var logFormat = new Option<string>("--log-format") { HelpName = "FORMAT", Description = "text, or json: one JSON object a line with trace and span id. [default: text]" };
        logFormat.AcceptOnlyFromAmong("text", "json");

        var command = new Command("serve", "Run a server until SIGTERM or Ctrl-C; then refuse new work, finish what is in flight and exit 0. Prints one line with its address. Environment variables GRADIENTS__NAME give further settings; options named here win.")
        {
            host, port, socket, management, web, portFile, memory, threads, logFormat,
        };
        command.SetAction((result, cancellation) =>
        {
            // The command line is the configuration source of the highest precedence.
            var settings = new List<string>();
            if (result.GetValue(host) is { } address)
                settings.Add($"--Gradients:Address={address}");
            if (result.GetValue(port) is { } number)
                settings.Add(string.Create(CultureInfo.InvariantCulture, $"--Gradients:Port={number}"));
            if (result.GetValue(socket) is { } file)
                settings.Add($"--Gradients:SocketPath={file}");
            if (result.GetValue(management) is { } http)
            {
                settings.Add(string.Create(CultureInfo.InvariantCulture, $"--Gradients:Management:Port={http}"));
                settings.Add(string.Create(CultureInfo.InvariantCulture, $"--Gradients:Management:GrpcPort={Next(http)}"));
            }

            if (result.GetValue(web) is { } webPort)
                settings.Add(string.Create(CultureInfo.InvariantCulture, $"--Gradients:Web:Port={webPort}"));
            if (result.GetValue(memory) is { } text && ByteCount.TryParse(text, out var bytes))
                settings.Add(string.Create(CultureInfo.InvariantCulture, $"--Gradients:MemoryBudgetBytes={bytes}"));
            if (result.GetValue(threads) is { } count)
                settings.Add(string.Create(CultureInfo.InvariantCulture, $"--Gradients:ComputeThreads={count}"));
            if (result.GetValue(logFormat) is { } format)
                settings.Add($"--Gradients:Telemetry:LogFormat={format}");
            var first = result.GetValue(port) == 0 ? 0 : ServerAddress.DefaultManagementPort;
            var options = new GradientsServerOptions { Port = ServerAddress.DefaultPort, Management = new ManagementOptions { Port = first, GrpcPort = Next(first) } };
            return RunAsync(options, [.. settings], result.GetValue(portFile), result.InvocationConfiguration, cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(GradientsServerOptions options, string[] settings, FileInfo? portFile, InvocationConfiguration console, CancellationToken cancellation)
    {
        WebApplication app;
        try
        {
            portFile?.Delete();
            app = GradientsServer.Build(options, settings, Log);
        }
        catch (Exception e) when (e is ValidationException or FormatException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            await console.Error.WriteLineAsync($"gradients serve: {e.Message}");
            return ExitCodes.Usage;
        }

        await using (app)
        {
            try
            {
                await app.StartAsync(cancellation);
                var address = GradientsServer.Address(app);
                if (portFile is not null)
                    await WritePortAsync(portFile.FullName, address.Port, cancellation);
                var socket = GradientsServer.SocketPath(app) is { } path ? $" and unix:{path}" : "";
                await console.Output.WriteLineAsync($"Gradients listens on {address.GetLeftPart(UriPartial.Authority)}{socket}");
                if (GradientsServer.WebAddress(app) is { } browsers)
                    await console.Output.WriteLineAsync($"gRPC-Web and JSON are on {browsers.GetLeftPart(UriPartial.Authority)}");
                await console.Output.FlushAsync(cancellation);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException or ValidationException)
            {
                await console.Error.WriteLineAsync($"gradients serve: {e.Message}");
                return ExitCodes.Failure;
            }

            await app.WaitForShutdownAsync(cancellation);
        }

        return ExitCodes.Ok;
    }

    private static int Next(int port) => port == 0 ? 0 : port + 1;

    /// <summary>Readers see the whole number or no file.</summary>
    private static async Task WritePortAsync(string path, int port, CancellationToken cancellation)
    {
        var partial = $"{path}.{Environment.ProcessId}.partial";
        await File.WriteAllTextAsync(partial, port.ToString(CultureInfo.InvariantCulture) + "\n", cancellation);
        File.Move(partial, path, overwrite: true);
    }

    /// <summary>Warnings go to standard error; Logging__LogLevel__NAME in the environment shows more.</summary>
    private static void Log(WebApplicationBuilder builder)
    {
        builder.Logging.ClearProviders();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        // What keeps the host from starting is this command's own message.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        if (builder.Configuration.GetValue<LogFormat>("Gradients:Telemetry:LogFormat") == LogFormat.Json)
        {
            builder.Logging.AddJsonConsole(c => (c.IncludeScopes, c.TimestampFormat, c.UseUtcTimestamp) = (true, "O", true));
            builder.Logging.Configure(c => c.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
        }
        else
        {
            builder.Logging.AddSimpleConsole(c => c.SingleLine = true);
        }

        builder.Services.Configure<ConsoleLoggerOptions>(c => c.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
