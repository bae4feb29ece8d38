using Status = Google.Rpc.Status;

namespace Gradients.Server.Sessions;

/// <summary>Knows what an exception of one request means: its time may be over, its caller gone, the server on its way down.</summary>
internal interface IFailures
{
    Status StatusOf(Exception e);
}
