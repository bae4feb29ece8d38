using System.CommandLine;
using Gradients.Server.Web;

namespace Gradients.Cli.Commands;

/// <summary><c>gradients describe</c>: writes the contract for machines.</summary>
internal static class DescribeCommand
{
    public static Command Create()
    {
        var output = new Option<FileInfo>("--output") { HelpName = "FILE", Description = "Where to write it. [default: standard output]" };
        var command = new Command("describe", "Write the contract as a serialized google.protobuf.FileDescriptorSet with all its imports, for grpcurl, Envoy and code generators. A server with a web port serves the same at /v1/descriptor.") { output };
        command.SetAction(async (result, cancellation) =>
        {
            try
            {
                await using var file = result.GetValue(output) is { } info ? info.Create() : Console.OpenStandardOutput();
                await file.WriteAsync(ContractDescriptor.Bytes, cancellation);
                return ExitCodes.Ok;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                await result.InvocationConfiguration.Error.WriteLineAsync($"gradients describe: {e.Message}");
                return ExitCodes.Failure;
            }
        });
        return command;
    }
}
