using System.Reflection;
using Google.Protobuf;
using Google.Rpc;
using Gradients.Engine;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>Every reason of errors.proto is reached over the wire with its code, or is listed with why it cannot be yet.</summary>
public sealed class ReasonTests
{
    private static readonly Dictionary<string, string> NotReachable = new()
    {
        ["SESSION_ON_OTHER_NODE"] = "there is one node",
        ["UNAUTHENTICATED"] = "there are no credentials",
        ["PERMISSION_DENIED"] = "there are no credentials",
        ["INTERNAL_ERROR"] = "no request causes one: ErrorTests provokes it inside",
    };

    /// <summary>Reached in the tests named.</summary>
    private static readonly Dictionary<string, string> Elsewhere = new()
    {
        ["MALFORMED_MESSAGE"] = nameof(MalformedTests),
        ["CHUNK_OUT_OF_ORDER"] = nameof(TensorTests),
        ["CHECKSUM_MISMATCH"] = nameof(TensorTests),
        ["UPLOAD_TIMEOUT"] = nameof(TensorTests),
        ["TENSOR_NOT_FOUND"] = nameof(TensorTests),
        ["VARIABLE_NOT_SET"] = nameof(TensorTests),
        ["GRADIENT_ABSENT"] = nameof(TensorTests),
        ["MEMORY_BUDGET_EXCEEDED"] = nameof(TensorTests),
        ["UPLOAD_NOT_FOUND"] = nameof(Web.UploadChunkTests),
        ["SESSION_NOT_FOUND"] = nameof(SessionTests),
        ["SESSION_EXPIRED"] = nameof(SessionTests),
        ["SESSION_LOST"] = nameof(SessionTests),
        ["CALLOUT_NOT_FOUND"] = nameof(InteractTests),
        ["CALLOUT_UNAVAILABLE"] = nameof(CalloutTests),
        ["CALLOUT_FAILED"] = nameof(CalloutTests),
        ["CALLOUT_TIMEOUT"] = nameof(CalloutTests),
        ["CALLOUT_NESTED"] = nameof(CalloutTests),
        ["OP_NOT_DIFFERENTIABLE"] = nameof(CalloutTests),
        ["SESSION_BUSY"] = nameof(InteractTests),
        ["SESSION_TAKEN_OVER"] = nameof(InteractTests),
        ["STREAM_IDLE_TIMEOUT"] = nameof(InteractTests),
        ["REQUEST_ID_REUSED"] = nameof(ReplayTests),
        ["REQUEST_ID_EXPIRED"] = nameof(ReplayTests),
        ["FEATURE_UNSUPPORTED"] = nameof(FeatureTests),
        ["RPC_UNIMPLEMENTED"] = nameof(FeatureTests),
        ["DRAINING"] = nameof(DrainTests),
        ["DEADLINE_EXCEEDED"] = nameof(ErrorTests),
        ["CANCELLED"] = nameof(InteractTests),
    };

    /// <summary>A session with <see cref="Graphs.Define"/> and w = [2, 3], and a request that is refused.</summary>
    private static readonly Dictionary<string, (StatusCode Code, Func<TestServer, string, Task> Call)> Cases = new()
    {
        ["INVALID_FIELD"] = (StatusCode.InvalidArgument, (t, s) => BackwardAsync(t, s, r => r.Roots.Clear())),
        ["SHAPE_MISMATCH"] = (StatusCode.InvalidArgument, (t, s) => BackwardAsync(t, s, r => r.Feeds[0].Tensor = Tensor([1, 2, 3], 3))),
        ["DATA_TYPE_MISMATCH"] = (StatusCode.InvalidArgument, (t, s) => BackwardAsync(t, s, r => r.Feeds[0].Tensor = new V1.Tensor { DataType = V1.DataType.Float32, Shape = { 2 }, Raw = ByteString.CopyFrom(new byte[8]) })),
        ["GRAPH_CYCLE"] = (StatusCode.InvalidArgument, (t, s) => DefineAsync(t, s, Node(9, "Neg", 9))),
        ["CONTENT_SIZE_MISMATCH"] = (StatusCode.InvalidArgument, (t, s) => BackwardAsync(t, s, r => r.Feeds[0].Tensor = Tensor([1, 2, 3], 2))),
        ["UNKNOWN_ATTRIBUTE"] = (StatusCode.InvalidArgument, (t, s) => DefineAsync(t, s, Node(9, "Neg", 1).With("colour", 1))),
        ["INVALID_ATTRIBUTE"] = (StatusCode.InvalidArgument, (t, s) => DefineAsync(t, s, Node(9, "Constant"))),
        ["EXPRESSION_SYNTAX"] = (StatusCode.InvalidArgument, async (t, s) => await t.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = s, Text = new V1.Expression { Source = "1 +" } })),
        ["FEED_MISSING"] = (StatusCode.InvalidArgument, (t, s) => BackwardAsync(t, s, r => r.Feeds.Clear())),
        ["INPUT_COUNT_MISMATCH"] = (StatusCode.InvalidArgument, (t, s) => DefineAsync(t, s, new V1.Node { Id = 9, Op = "Neg", Inputs = { 1 }, AdditionalOutputIds = { 10, 11 } })),
        ["NOT_DIFFERENTIABLE_TYPE"] = (StatusCode.InvalidArgument, NotDifferentiableAsync),
        ["INDEX_OUT_OF_RANGE"] = (StatusCode.OutOfRange, IndexAsync),
        ["RUN_NOT_FOUND"] = (StatusCode.NotFound, async (t, s) => await t.Sessions.BackwardAsync(new V1.BackwardRequest { Session = s, Run = "runs/77", Roots = { Root(4) } })),
        ["VALUE_NOT_FOUND"] = (StatusCode.NotFound, (t, s) => BackwardAsync(t, s, r => r.Roots[0].Value = 99)),
        ["FUNCTION_NOT_FOUND"] = (StatusCode.NotFound, async (t, s) => await t.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = s, Functions = { Function("f", "unknown") } })),
        ["NODE_EXISTS"] = (StatusCode.AlreadyExists, (t, s) => DefineAsync(t, s, Node(1, "Neg", 2))),
        ["FUNCTION_EXISTS"] = (StatusCode.AlreadyExists, async (t, s) => await t.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = s, Functions = { Function("f"), Function("f") } })),
        ["RUN_RELEASED"] = (StatusCode.FailedPrecondition, RunTwiceAsync),
        ["COTANGENT_REQUIRED"] = (StatusCode.FailedPrecondition, (t, s) => BackwardAsync(t, s, r => r.Roots[0].Value = 3)),
        ["GRADIENTS_DISABLED"] = (StatusCode.FailedPrecondition, async (t, s) => await t.Sessions.BackwardAsync(new V1.BackwardRequest { Session = s, Feeds = { Feed(2, Tensor([1, 2], 2)) }, Roots = { Root(2, Tensor([1, 1], 2)) } })),
        ["NON_FINITE_VALUE"] = (StatusCode.FailedPrecondition, async (t, s) => await t.Sessions.BackwardAsync(new V1.BackwardRequest { Session = s, Feeds = { Feed(2, Tensor([double.NaN, 1], 2)) }, Roots = { Root(4) }, CheckFinite = true })),
        ["GRAPH_NOT_FOUND"] = (StatusCode.NotFound, async (t, _) => await t.Graphs.GetGraphAsync(new V1.GetGraphRequest { Name = "graphs/0" })),
        ["VERSION_CONFLICT"] = (StatusCode.Aborted, async (t, s) => await t.Sessions.SetVariablesAsync(new V1.SetVariablesRequest { Session = s, Updates = { new V1.VariableUpdate { Variable = 1, Value = 1, ExpectedVersion = 5 } } })),
        ["SESSION_QUOTA"] = (StatusCode.ResourceExhausted, async (t, _) => await t.OpenAsync()),
        ["COMPUTE_QUOTA"] = (StatusCode.ResourceExhausted, SlowAsync),
        ["MESSAGE_TOO_LARGE"] = (StatusCode.ResourceExhausted, (t, s) => DefineAsync(t, s, new V1.Node { Id = 9, Op = "Neg", Label = new string('x', 5 << 20) })),
        ["LIMIT_EXCEEDED"] = (StatusCode.ResourceExhausted, (t, s) => BackwardAsync(t, s, r => r.Fetches.AddRange(Enumerable.Repeat(Fetch(3), 20)))),
        ["OP_UNSUPPORTED"] = (StatusCode.Unimplemented, (t, s) => DefineAsync(t, s, Node(9, "NoSuchOp", 1))),
        ["DYNAMIC_SHAPE"] = (StatusCode.Unimplemented, DynamicShapeAsync),
        ["DATA_TYPE_UNSUPPORTED"] = (StatusCode.Unimplemented, (t, s) => BackwardAsync(t, s, r => r.Feeds[0].Tensor = new V1.Tensor { DataType = V1.DataType.Float16, Shape = { 2 }, Raw = ByteString.CopyFrom(new byte[4]) })),
    };

    public static TheoryData<string> Reached => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Reached))]
    public async Task A_reason_comes_with_its_code_and_details(string reason)
    {
        await using var server = await TestServer.StartAsync(new GradientsServerOptions { MaxSessions = 1, MaxFlopsPerRequest = 1e9, MaxValuesPerRequest = 16 });
        var session = await server.OpenAsync();
        await Graphs.DefineAsync(server, session);
        var rented = server.Host.Pool.RentedCount;
        var (code, call) = Cases[reason];
        var status = await RefusedAsync(code, reason, () => call(server, session));
        Assert.NotEqual("", status.Message);
        if (code == StatusCode.ResourceExhausted && reason != "MESSAGE_TOO_LARGE")
            Assert.NotNull(status.GetDetail<QuotaFailure>());
        if (reason is "INVALID_FIELD" or "CONTENT_SIZE_MISMATCH")
            Assert.NotEmpty(status.GetDetail<BadRequest>().FieldViolations);
        await Eventually.HoldsAsync(() => server.Host.Pool.RentedCount <= rented);
    }

    [Fact]
    public void Every_reason_of_the_contract_is_accounted_for()
    {
        var contract = V1.ErrorsReflection.Descriptor.EnumTypes.Single().Values.Select(v => v.Name["ERROR_REASON_".Length..]).Where(n => n != "UNSPECIFIED").ToList();
        var accounted = Cases.Keys.Concat(Elsewhere.Keys).Concat(NotReachable.Keys).ToList();
        Assert.Equal(accounted.Distinct().Count(), accounted.Count);
        Assert.Equal(contract.Order(), accounted.Order());
    }

    [Fact]
    public void The_engine_knows_the_reasons_of_the_contract()
    {
        var contract = V1.ErrorsReflection.Descriptor.EnumTypes.Single().Values.Select(v => v.Name["ERROR_REASON_".Length..]).Where(n => n != "UNSPECIFIED");
        var engine = typeof(ErrorReasons).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetRawConstantValue()!);
        Assert.Equal(contract.Order(), engine.Order());
    }

    private static async Task BackwardAsync(TestServer server, string session, Action<V1.BackwardRequest> change)
    {
        var request = Backward(session);
        change(request);
        await server.Sessions.BackwardAsync(request);
    }

    private static async Task DefineAsync(TestServer server, string session, params V1.Node[] nodes) =>
        await server.Sessions.DefineNodesAsync(new V1.DefineNodesRequest { Session = session, Nodes = { nodes } });

    private static V1.Function Function(string name, string? gradient = null) => new()
    {
        Name = name,
        Parameters = { 1 },
        Nodes = { Node(2, "Neg", 1) },
        Outputs = { 2 },
        Gradient = gradient is null ? null : new V1.CustomGradient { Function = gradient },
    };

    private static async Task RunTwiceAsync(TestServer server, string session)
    {
        var forward = await server.Sessions.ForwardAsync(new V1.ForwardRequest { Session = session, Feeds = { Feed(2, Tensor([1, 2], 2)) }, Gradients = true, Roots = { 4 } });
        var backward = new V1.BackwardRequest { Session = session, Run = forward.Run, Roots = { Root(4) } };
        await server.Sessions.BackwardAsync(backward);
        await server.Sessions.BackwardAsync(backward);
    }

    private static async Task SlowAsync(TestServer server, string session)
    {
        await DefineAsync(server, session, [.. Slow.Nodes(100)]);
        var forward = Slow.Forward(100);
        forward.Session = session;
        await server.Sessions.ForwardAsync(forward);
    }

    private static async Task NotDifferentiableAsync(TestServer server, string session)
    {
        await DefineAsync(server, session, Int64Constant(9, 1));
        await BackwardAsync(server, session, r => r.Wrt.Add(9));
    }

    private static async Task IndexAsync(TestServer server, string session)
    {
        await DefineAsync(server, session, Int64Constant(9, 7), Node(10, "Gather", 1, 9));
        await server.Sessions.ForwardAsync(new V1.ForwardRequest { Session = session, Fetches = { Fetch(10) } });
    }

    private static async Task DynamicShapeAsync(TestServer server, string session)
    {
        var input = Input(9, 1);
        input.Attributes[0].Type.DataType = V1.DataType.Int64;
        await DefineAsync(server, session, input, Node(10, "Reshape", 1, 9));
        await server.Sessions.ForwardAsync(new V1.ForwardRequest
        {
            Session = session,
            Feeds = { Feed(9, new V1.Tensor { DataType = V1.DataType.Int64, Shape = { 1 }, Raw = ByteString.CopyFrom(BitConverter.GetBytes(2L)) }) },
            Fetches = { Fetch(10) },
        });
    }

    private static V1.Node Int64Constant(ulong id, long value) => new()
    {
        Id = id,
        Op = "Constant",
        Attributes = { new V1.Attribute { Name = "value", Tensor = new V1.Tensor { DataType = V1.DataType.Int64, Shape = { 1 }, Raw = ByteString.CopyFrom(BitConverter.GetBytes(value)) } } },
    };
}
