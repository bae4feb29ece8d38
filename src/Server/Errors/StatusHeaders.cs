using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Status = Google.Rpc.Status;

namespace Gradients.Server.Errors;

/// <summary>A status in the headers or trailers of an answer.</summary>
internal static class StatusHeaders
{
    public const string Code = "grpc-status";
    public const string Message = "grpc-message";
    public const string Details = "grpc-status-details-bin";

    public static void Write(IHeaderDictionary headers, Status status)
    {
        headers[Code] = status.Code.ToString(CultureInfo.InvariantCulture);
        headers[Message] = Uri.EscapeDataString(status.Message);
        headers[Details] = Convert.ToBase64String(status.ToByteArray()).TrimEnd('=');
    }

    /// <summary>Whether there is a status other than OK.</summary>
    public static bool IsError(IHeaderDictionary headers) => headers.TryGetValue(Code, out var code) && code != "0";

    /// <summary>The status with its details, which are ours where the framework gave none; null where there is no status.</summary>
    public static Status? Read(IHeaderDictionary headers)
    {
        if (!int.TryParse(headers[Code], NumberStyles.None, CultureInfo.InvariantCulture, out var code))
            return null;
        if (code == 0)
            return new Status();
        return headers[Details].ToString() is { Length: > 0 } details
            ? Status.Parser.ParseFrom(Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '=')))
            : FrameworkErrors.Of((StatusCode)code, Uri.UnescapeDataString(headers[Message].ToString()));
    }

    public static void Remove(IHeaderDictionary headers)
    {
        headers.Remove(Code);
        headers.Remove(Message);
        headers.Remove(Details);
    }
}
