using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

public sealed class MalformedTests
{
    /// <summary>EvaluateStream is refused before a message is read.</summary>
    public static TheoryData<string> Methods => [.. Contract.Services().SelectMany(s => s.Methods).Where(m => m.Name != "EvaluateStream").Select(m => m.FullName)];

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Bytes_that_are_no_message_are_an_invalid_argument_at_every_rpc(string name)
    {
        await using var server = await TestServer.StartAsync();
        var method = Contract.Services().SelectMany(s => s.Methods).Single(m => m.FullName == name);
        foreach (var bytes in new byte[][]
        {
            [0xFF, 0xFF, 0xFF],
            [0x0A, 0x05, 0x01],
            [0x08],
            [0x00],
            [0x07],
            [.. Enumerable.Repeat((byte)0x0B, 5000)],
            [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            [0x8A, 0x80, 0x80, 0x80, 0x10, 0x01],
        })
        {
            await RefusedAsync(StatusCode.InvalidArgument, "MALFORMED_MESSAGE", () => SendAsync(server, method, bytes));
        }

        Assert.Equal(0, server.Host.Pool.RentedCount);
    }

    /// <summary>Function bodies do not nest, so the nesting is of groups, which only unknown fields have.</summary>
    [Fact]
    public async Task Deep_nesting_is_refused()
    {
        await using var server = await TestServer.StartAsync();
        byte[] groups = [.. Enumerable.Repeat((byte)0x7B, 2000), .. Enumerable.Repeat((byte)0x7C, 2000)];
        await RefusedAsync(StatusCode.InvalidArgument, "MALFORMED_MESSAGE", () => RawCalls.UnaryAsync(server, "gradients.v1.EvaluationService", "Evaluate", groups));
    }

    private static Task SendAsync(TestServer server, MethodDescriptor method, byte[] bytes) =>
        method.IsClientStreaming || method.IsServerStreaming
            ? RawCalls.DuplexAsync(server, method.Service.FullName, method.Name, bytes)
            : RawCalls.UnaryAsync(server, method.Service.FullName, method.Name, bytes);
}
