using System.Runtime.InteropServices;
using Google.Protobuf;
using Gradients.Client;
using Grpc.Core;
using Grpc.Health.V1;

namespace Gradients.Container.Tests;

/// <summary>The container over TCP.</summary>
public sealed class ServingTests(ServerImage image)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_client_gets_a_gradient_over_TCP()
    {
        await using var server = await ServerContainer.StartAsync(image, new(), Cancellation);
        await using var client = server.OpenClient();
        await using var session = await client.CreateSessionAsync(cancellationToken: Cancellation);
        var x = session.Input<double>("x", 3);
        var w = session.Variable("w", 2.0);
        var b = session.Variable("b", 1.0);
        var y = session.Input<double>("y", 3);
        var loss = ((w * x) + b - y).Pow(2).Mean();
        var result = await session.BackwardAsync(loss, [w, b], new Feeds { [x] = new double[] { 1, 2, 3 }, [y] = new double[] { 6, 9, 12 } }, cancellationToken: Cancellation);
        Assert.Equal(-52.0 / 3, result[w].ToDouble(), 1e-12);
        Assert.Equal(-8, result[b].ToDouble(), 1e-12);
    }

    [Fact]
    public async Task The_documented_command_prints_a_gradient_and_its_trace_inside_the_container()
    {
        await using var server = await ServerContainer.StartAsync(image, new(), Cancellation);
        var result = await server.Container.ExecAsync(["/app/gradients", "try"], Cancellation);
        Assert.Equal((0L, ""), (result.ExitCode, result.Stderr));
        Assert.Matches("^f\\(x\\) = x³ − 2x at x = 3: f = 21, f′ = 25\ntrace [0-9a-f]{32}\n$", result.Stdout);
    }

    [Fact]
    public async Task On_SIGTERM_health_turns_not_serving_and_a_gradient_in_flight_finishes()
    {
        // f(x, y) = sum((x y)^k) has ∂f/∂xᵢ = k √n where all xᵢ = yᵢ = 1/√n: the sums of x and y are √n and y x = 1.
        const int n = 1024;
        const int k = 24;
        await using var server = await ServerContainer.StartAsync(image, new() { Environment = new Dictionary<string, string> { ["GRADIENTS__DRAINTIMEOUT"] = "00:02:00" } }, Cancellation);
        using var channel = server.OpenChannel();
        var sessions = new V1.SessionService.SessionServiceClient(channel);
        var name = (await sessions.CreateSessionAsync(new V1.CreateSessionRequest(), cancellationToken: Cancellation)).Session.Name;
        var define = new V1.DefineNodesRequest { Session = name, Nodes = { Variable(1, n, 1), Variable(2, 1, n), Product(3, 1, 2) } };
        for (var i = 1UL; i < k; i++)
            define.Nodes.Add(Product(3 + i, 2 + i, 3));
        define.Nodes.Add(new V1.Node { Id = 100, Op = "ReduceSum", Inputs = { 2 + k }, Attributes = { new V1.Attribute { Name = "keepdims", IntValue = 0 } } });
        await sessions.DefineNodesAsync(define, cancellationToken: Cancellation);
        await sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = name, Updates = { Equal(1, n, 1), Equal(2, 1, n) } }, cancellationToken: Cancellation);

        using var call = sessions.Interact(cancellationToken: Cancellation);
        await call.RequestStream.WriteAsync(
            new V1.InteractRequest
            {
                Session = name,
                Commands =
                {
                    new V1.SessionCommand { Tag = 1, GetVariables = new V1.GetVariablesRequest { Variables = { 1UL } } },
                    new V1.SessionCommand { Tag = 2, Backward = new V1.BackwardRequest { Roots = { new V1.Root { Value = 100 } }, Wrt = { 1UL } } },
                },
            },
            Cancellation);
        // Commands of one message are started before the first of them is answered.
        Assert.Equal(1UL, (await NextAsync()).Tag);
        await server.TerminateAsync(Cancellation);
        while (await ServerContainer.HealthAsync(channel, Cancellation) == HealthCheckResponse.Types.ServingStatus.Serving)
        {
        }

        var next = NextAsync();
        Assert.False(next.IsCompleted);
        var result = await next;
        Assert.Equal((2UL, null), (result.Tag, result.Error?.Message));
        var gradient = MemoryMarshal.Cast<byte, double>(result.Backward.Gradients[0].Tensor.Raw.Span).ToArray();
        Assert.Equal(n, gradient.Length);
        Assert.All(gradient, g => Assert.Equal(32.0 * k, g, 1e-6));
        Assert.Equal(0, await server.Container.GetExitCodeAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(60), Cancellation));

        async Task<V1.CommandResult> NextAsync()
        {
            Assert.True(await call.ResponseStream.MoveNext(Cancellation));
            return Assert.Single(call.ResponseStream.Current.Results);
        }
    }

    private static V1.Node Variable(ulong id, params long[] shape)
    {
        var type = new V1.TensorType { DataType = V1.DataType.Float64, Dimensions = { shape.Select(d => new V1.Dimension { Size = d }) } };
        return new V1.Node { Id = id, Op = "Variable", Attributes = { new V1.Attribute { Name = "type", Type = type } } };
    }

    private static V1.Node Product(ulong id, ulong left, ulong right) => new() { Id = id, Op = "MatMul", Inputs = { left, right } };

    /// <summary>All elements 1/32.</summary>
    private static V1.VariableUpdate Equal(ulong variable, params long[] shape)
    {
        var elements = Enumerable.Repeat(1.0 / 32, 1024).ToArray();
        return new() { Variable = variable, Tensor = new V1.Tensor { DataType = V1.DataType.Float64, Shape = { shape }, Raw = ByteString.CopyFrom(MemoryMarshal.AsBytes<double>(elements)) } };
    }
}
