using Google.Rpc;
using Gradients.Server.Hosting;
using Grpc.Core;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>DefineNodes with return_types: what definitions alone tell of types.</summary>
public sealed class DefinedTypesTests
{
    private static V1.Node Symbolic(ulong id, params V1.Dimension[] dimensions) =>
        new() { Id = id, Op = "Input", Attributes = { new V1.Attribute { Name = "type", Type = new V1.TensorType { DataType = V1.DataType.Float64, Dimensions = { dimensions } } } } };

    private static V1.Dimension Named(string symbol) => new() { Symbol = symbol };

    private static V1.Dimension Of(long size) => new() { Size = size };

    private static string Text(V1.ValueType value) => value.Type is null ? $"{value.Value} ?" : $"{value.Value} {value.Type.DataType}[{string.Join(", ", value.Type.Dimensions.Select(Text))}]";

    private static string Text(V1.Dimension dimension) => dimension.LengthCase switch
    {
        V1.Dimension.LengthOneofCase.Size => $"{dimension.Size}",
        V1.Dimension.LengthOneofCase.Symbol => dimension.Symbol,
        _ => "?",
    };

    [Fact]
    public async Task Every_named_output_has_its_type_with_the_symbols_that_it_keeps()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var gradient = new V1.Node { Id = 12, Op = "Gradient", Inputs = { 5, 1, 2 }, AdditionalOutputIds = { 13 } }.With("roots", 1).With("wrt", 2);
        var reply = await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest
        {
            Session = session,
            ReturnTypes = true,
            Nodes =
            {
                Symbolic(1, Named("batch"), Of(3)),
                Variable(2, 3, 2),
                Node(3, "MatMul", 1, 2),
                Node(4, "Relu", 3),
                Node(5, "ReduceSum", 4).With("keepdims", 0),
                Node(6, "Concat", 1, 1).With("axis", 0),
                Symbolic(7, new V1.Dimension(), Of(3)),
                Node(8, "Exp", 7),
                Node(9, "Equal", 3, 4),
                Node(10, "Shape", 3),
                Symbolic(11, Named("other")),
                gradient,
                Node(14, "MatMul", 2, 2),
                Node(15, "Neg", 14),
                Node(16, "Add", 1, 7),
            },
        });
        Assert.Equal(
            [
                "1 Float64[batch, 3]", "2 Float64[3, 2]", "3 Float64[batch, 2]", "4 Float64[batch, 2]", "5 Float64[]", "6 Float64[?, 3]", "7 Float64[?, 3]", "8 Float64[?, 3]",
                "9 Bool[batch, 2]", "10 Int64[2]", "11 Float64[other]", "12 Float64[batch, 3]", "13 Float64[3, 2]", "14 ?", "15 ?", "16 ?",
            ],
            reply.Types_.Select(Text));

        await server.Sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = session, Updates = { new V1.VariableUpdate { Variable = 2, Tensor = Tensor(new double[6], 3, 2) } } });

        // What does not fit is defined as it is without types, and says why where it is computed.
        await RefusedAsync(StatusCode.InvalidArgument, "SHAPE_MISMATCH", async () => await server.Sessions.ForwardAsync(new V1.ForwardRequest { Session = session, Fetches = { Fetch(15) } }));
        Assert.Empty((await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { Node(20, "Neg", 1) } })).Types_);
    }

    [Fact]
    public async Task Functions_and_texts_have_types_and_unnamed_values_are_left_out()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        var text = new V1.Expression { Source = "y = exp(x) * 2\nmean(y * y)", Result = 9, Bindings = { new V1.ExpressionBinding { Name = "x", Value = 1, Type = Type(4, 5) } } };
        var reply = await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, ReturnTypes = true, Text = text });
        Assert.Equal(["1 Float64[4, 5]", "9 Float64[]"], reply.Types_.Select(Text));
    }

    [Fact]
    public async Task Types_that_no_message_has_room_for_refuse_the_definition()
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxMessageBytes = 8192, MaxChunkBytes = 4096, PreferredChunkBytes = 4096 });
        var session = await server.OpenAsync();
        V1.Node[] nodes = [Input(1, 2, 2, 2, 2, 2, 2, 2, 2), .. Enumerable.Range(2, 200).Select(i => Node((ulong)i, "Neg", (ulong)i - 1))];
        var status = await RefusedAsync(StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE", async () => await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, ReturnTypes = true, Nodes = { nodes } }));
        Assert.Equal("max_message_bytes", status.GetDetail<ErrorInfo>().Metadata["limit"]);
        Assert.Equal(0UL, (await server.Sessions.GetSessionAsync(new V1.GetSessionRequest { Name = session })).Session.NodeCount);
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { nodes } });
    }
}
