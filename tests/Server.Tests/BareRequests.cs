using System.Net;
using System.Net.Http.Headers;

namespace Gradients.Server.Tests;

/// <summary>HTTP/2 requests without a gRPC client, whose answers come from the server alone.</summary>
internal static class BareRequests
{
    public static Task<Google.Rpc.Status> PostAsync(TestServer server, string path, byte[] body, Action<HttpRequestMessage>? change = null) =>
        PostAsync(server, path, new ByteArrayContent(body), change);

    /// <summary>The status of a bare request: from the trailers, or from the headers where there is no body.</summary>
    public static async Task<Google.Rpc.Status> PostAsync(TestServer server, string path, HttpContent body, Action<HttpRequestMessage>? change = null)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = body,
        };
        body.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
        change?.Invoke(request);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await response.Content.ReadAsByteArrayAsync();
        var headers = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
        var details = headers.GetValues("grpc-status-details-bin").Single();
        var status = Google.Rpc.Status.Parser.ParseFrom(Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '=')));
        Assert.Equal(headers.GetValues("grpc-status").Single(), status.Code.ToString());
        return status;
    }

    public static byte[] Frame(byte[] message, bool compressed = false) =>
        [compressed ? (byte)1 : (byte)0, (byte)(message.Length >> 24), (byte)(message.Length >> 16), (byte)(message.Length >> 8), (byte)message.Length, .. message];
}
