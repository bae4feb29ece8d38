using Gradients.Server.Hosting;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Limits;

/// <summary>A stream that is refused while its client still writes leaves the connection to the calls after it.</summary>
public sealed class EarlyRefusalTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(100_000)]
    public async Task An_upload_refused_at_once_leaves_the_connection_usable(int bytes)
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { Stateless = true });
        var chunk = new V1.UploadTensorRequest { Chunk = new V1.TensorChunk { Data = Google.Protobuf.ByteString.CopyFrom(new byte[bytes]) } };
        for (var i = 0; i < 300; i++)
        {
            using var call = server.Tensors.UploadTensor(cancellationToken: TestContext.Current.CancellationToken);
            try
            {
                for (var k = 0; k < 5; k++)
                    await call.RequestStream.WriteAsync(chunk, TestContext.Current.CancellationToken);
            }
            catch (RpcException)
            {
            }
            catch (InvalidOperationException)
            {
            }

            var refused = await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseAsync);
            Assert.True(refused.StatusCode == StatusCode.Unimplemented, $"{i}: {refused}");
            var info = await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest());
            Assert.NotEmpty(info.Features);
        }
    }
}
