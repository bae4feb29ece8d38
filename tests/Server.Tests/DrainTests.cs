using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using Grpc.Health.V1;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

public sealed class DrainTests
{
    [Fact]
    public async Task Draining_finishes_what_is_in_flight_and_refuses_what_is_new()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        using var upload = server.Tensors.UploadTensor();
        await upload.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 2 } } });
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);
        using var stream = server.Sessions.Interact();
        await InteractTests.AttachAsync(stream, session);

        var stopping = server.App.StopAsync();
        await RefusedAsync(StatusCode.Unavailable, "DRAINING", async () => await InteractTests.AllAsync(stream));
        await RefusedAsync(StatusCode.Unavailable, "DRAINING", async () => await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest()));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, (await new Health.HealthClient(server.Channel).CheckAsync(new HealthCheckRequest())).Status);
        Assert.False(stopping.IsCompleted);

        await upload.RequestStream.WriteAsync(TensorTests.Chunk(0, 2));
        await upload.RequestStream.CompleteAsync();
        Assert.Equal("tensors/1", (await upload).Handle);
        await stopping;
    }

    [Fact]
    public async Task What_does_not_finish_in_time_is_cancelled()
    {
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { DrainTimeout = TimeSpan.FromSeconds(7) }, time);
        var session = await server.OpenAsync();
        using var upload = server.Tensors.UploadTensor();
        await upload.RequestStream.WriteAsync(new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = session, DataType = V1.DataType.Bool, Shape = { 2 } } });
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount == 1);
        var stopping = server.App.StopAsync();
        await RefusedAsync(StatusCode.Unavailable, "DRAINING", async () => await server.Info.GetServerInfoAsync(new V1.GetServerInfoRequest()));
        time.Advance(TimeSpan.FromSeconds(7));
        await RefusedAsync(StatusCode.Unavailable, "DRAINING", async () => await upload);
        await stopping;
        Assert.Equal(0, server.Host.Pool.RentedCount);
    }
}
