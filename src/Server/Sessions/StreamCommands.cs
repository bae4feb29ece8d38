using Google.Protobuf;
using Gradients.Engine;
using Gradients.Server.Errors;
using Gradients.Server.Sessions.Commands;

namespace Gradients.Server.Sessions;

/// <summary>Commands and results of a stream, by their case.</summary>
internal static class StreamCommands
{
    public static Command Read(V1.SessionCommand command) => command.CommandCase switch
    {
        V1.SessionCommand.CommandOneofCase.DefineNodes => new DefineNodesCommand(command.DefineNodes),
        V1.SessionCommand.CommandOneofCase.Forward => new ForwardCommand(command.Forward),
        V1.SessionCommand.CommandOneofCase.Backward => new BackwardCommand(command.Backward),
        V1.SessionCommand.CommandOneofCase.ZeroGradients => new ZeroGradientsCommand(command.ZeroGradients),
        V1.SessionCommand.CommandOneofCase.ApplyGradients => new ApplyGradientsCommand(command.ApplyGradients),
        V1.SessionCommand.CommandOneofCase.Train => new TrainCommand(command.Train),
        V1.SessionCommand.CommandOneofCase.GetVariables => new GetVariablesCommand(command.GetVariables),
        V1.SessionCommand.CommandOneofCase.SetVariables => new SetVariablesCommand(command.SetVariables),
        V1.SessionCommand.CommandOneofCase.ReleaseResources => new ReleaseResourcesCommand(command.ReleaseResources),
        V1.SessionCommand.CommandOneofCase.CalloutReply => throw GradientsException.NotFound(ErrorReasons.CalloutNotFound, $"No call-out {command.CalloutReply.Callout} waits for an answer."),
        _ => throw Refusals.Field("commands.command", "a command is required."),
    };

    public static void Write(V1.CommandResult result, IMessage reply)
    {
        switch (reply)
        {
            case V1.DefineNodesResponse r:
                result.DefineNodes = r;
                break;
            case V1.ForwardResponse r:
                r.TraceId = result.TraceId;
                result.Forward = r;
                break;
            case V1.BackwardResponse r:
                r.TraceId = result.TraceId;
                result.Backward = r;
                break;
            case V1.ZeroGradientsResponse r:
                result.ZeroGradients = r;
                break;
            case V1.ApplyGradientsResponse r:
                result.ApplyGradients = r;
                break;
            case V1.TrainResponse r:
                if (r.Result is { } ended)
                    ended.TraceId = result.TraceId;
                result.Train = r;
                break;
            case V1.CancelResponse r:
                result.Cancel = r;
                break;
            case V1.GetVariablesResponse r:
                result.GetVariables = r;
                break;
            case V1.SetVariablesResponse r:
                result.SetVariables = r;
                break;
            case V1.ReleaseResourcesResponse r:
                result.ReleaseResources = r;
                break;
            default:
                throw new InvalidOperationException($"{reply.Descriptor.Name} is no result of a command.");
        }
    }
}
