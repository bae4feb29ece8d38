using Google.Protobuf;

namespace Gradients.Client.Transport;

/// <summary>Numbers this client's mutations, so that none is executed twice.</summary>
internal sealed class RequestIdentity
{
    private readonly ByteString _clientId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray());
    private ulong _lastNumber;

    /// <summary>Identifies a command, in the order in which commands are queued.</summary>
    public void Identify(V1.SessionCommand command)
    {
        var id = new V1.RequestId { ClientId = _clientId, Number = ++_lastNumber };
        switch (command.CommandCase)
        {
            case V1.SessionCommand.CommandOneofCase.DefineNodes:
                command.DefineNodes.RequestId = id;
                break;
            case V1.SessionCommand.CommandOneofCase.Forward:
                command.Forward.RequestId = id;
                break;
            case V1.SessionCommand.CommandOneofCase.Backward:
                command.Backward.RequestId = id;
                break;
            case V1.SessionCommand.CommandOneofCase.ZeroGradients:
                command.ZeroGradients.RequestId = id;
                break;
            case V1.SessionCommand.CommandOneofCase.ApplyGradients:
                command.ApplyGradients.RequestId = id;
                break;
            case V1.SessionCommand.CommandOneofCase.Train:
                command.Train.RequestId = id;
                break;
            case V1.SessionCommand.CommandOneofCase.SetVariables:
                command.SetVariables.RequestId = id;
                break;
            case V1.SessionCommand.CommandOneofCase.ReleaseResources:
                command.ReleaseResources.RequestId = id;
                break;
        }
    }
}
