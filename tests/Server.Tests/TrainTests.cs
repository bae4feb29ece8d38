using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Gradients.Server.Hosting;
using Gradients.Testing;
using Grpc.Core;
using static Gradients.Server.Tests.Graphs;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests;

/// <summary>
/// Loops over a real socket: w of Σ w·x with rows x = [5, 7] and [1, 1], SGD of rate 1, batches of one row. Steps take w from
/// [2, 3] to [−3, −4], [−4, −5], [−9, −12], …
/// </summary>
public sealed class TrainTests
{
    private const ulong Endless = 1UL << 50;

    [Fact]
    public async Task Reports_come_before_the_result()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineRowsAsync(server, session);
        var request = Train(session, 5);
        request.ReportEvery = 2;
        request.ReportGradients = true;
        using var call = server.Sessions.Train(request);
        var responses = await call.ResponseStream.ReadAllAsync().ToListAsync();
        Assert.Equal([2UL, 4], responses.SkipLast(1).Select(r => r.Report.Step));
        Assert.Equal([0UL, 1], responses.SkipLast(1).Select(r => r.Report.Epoch));

        // w·x = [2, 3]·[5, 7] = 31, then [−3, −4]·[1, 1] = −7.
        Assert.Equal([-7.0], responses[0].Report.Losses);
        Assert.Equal([12.0], responses[0].Report.MeanLosses);
        Assert.Equal(Math.Sqrt(2), responses[0].Report.Gradients[0].Statistics.Norm, 1e-15);
        var result = responses[^1].Result;
        Assert.Equal(5UL, result.Steps);
        Assert.Null(result.Stopped);
        Assert.Equal(6UL, Assert.Single(result.Versions).Version);
        Assert.Equal(5UL, result.LastReport.Step);
        Assert.Equal(Math.Sqrt(74), result.LastReport.Gradients[0].Statistics.Norm, 1e-14);
        Assert.Matches("^[0-9a-f]{32}$", result.TraceId);
        Assert.Equal<double[]>([2 - 17, 3 - 23], await ValueAsync(server, session));
    }

    [Fact]
    public async Task On_a_stream_a_loop_is_one_command_among_others()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        using var stream = server.Sessions.Interact();
        var train = Train("", 4);
        train.ReportEvery = 1;
        await stream.RequestStream.WriteAsync(new V1.InteractRequest
        {
            Session = session,
            Commands =
            {
                new V1.SessionCommand { Tag = 1, DefineNodes = DefineRows("") },
                new V1.SessionCommand { Tag = 2, SetVariables = Set("", 2, 3) },
                new V1.SessionCommand { Tag = 3, Train = train },
                new V1.SessionCommand { Tag = 4, GetVariables = new V1.GetVariablesRequest() },
            },
        });
        await stream.RequestStream.CompleteAsync();
        var results = await InteractTests.AllAsync(stream);
        Assert.Equal([1UL, 2], results.Take(2).Select(r => r.Tag));
        var loop = results.Where(r => r.Tag == 3).ToList();
        Assert.Equal(Enumerable.Repeat(V1.TrainResponse.EventOneofCase.Report, loop.Count - 1).Append(V1.TrainResponse.EventOneofCase.Result), loop.Select(r => r.Train.EventCase));
        Assert.Equal(4UL, loop[^1].Train.Result.Steps);
        Assert.Equal(loop[^1].TraceId, loop[^1].Train.Result.TraceId);
        Assert.Equal([2.0 - 12, 3 - 16], Elements(results[^1].GetVariables.Variables[0].Value));
    }

    [Fact]
    public async Task A_loop_that_is_cancelled_by_its_tag_tells_how_many_steps_it_has_applied_and_a_retry_applies_none()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineRowsAsync(server, session);
        using var stream = server.Sessions.Interact();
        var train = Train("", Endless);
        train.RequestId = Id(1);
        train.ReportEvery = 1;
        await stream.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Tag = 1, Train = train }, new V1.SessionCommand { Tag = 2, GetVariables = new V1.GetVariablesRequest() } } });
        Assert.True(await stream.ResponseStream.MoveNext(default));
        Assert.NotNull(stream.ResponseStream.Current.Results[0].Train.Report);
        await stream.RequestStream.WriteAsync(new V1.InteractRequest { Commands = { new V1.SessionCommand { Tag = 3, Cancel = new V1.CancelRequest { Tag = 1 } } } });
        await stream.RequestStream.CompleteAsync();
        var results = await InteractTests.AllAsync(stream);
        var ended = results.Single(r => r.Train?.Result is not null).Train.Result;
        Check(ended.Stopped, StatusCode.Cancelled, "CANCELLED");
        Assert.True(ended.Steps > 0);
        Assert.Equal(ended.Steps, ended.LastReport.Step);
        Assert.Equal([2UL, 3], results.SkipWhile(r => r.Tag == 1).Select(r => r.Tag));
        Assert.Equal(1u, results[^1].Cancel.Commands);
        Assert.Equal(1 + ended.Steps, results[^2].GetVariables.Variables[0].Version);
        Assert.Equal(After(ended.Steps), Elements(results[^2].GetVariables.Variables[0].Value));

        // The same request again gets the stored reply; one for the rest goes on.
        train.Session = session;
        using var again = server.Sessions.Train(train);
        var stored = Assert.Single(await again.ResponseStream.ReadAllAsync().ToListAsync()).Result;
        Assert.Equal("true", (await again.ResponseHeadersAsync).GetValue("gradients-replayed"));
        Assert.Equal((ended.Steps, ended.Stopped), (stored.Steps, stored.Stopped));
        var rest = Train(session, 3);
        rest.RequestId = Id(2);
        rest.FirstStep = ended.Steps;
        using var goesOn = server.Sessions.Train(rest);
        Assert.Equal(ended.Steps + 3, (await goesOn.ResponseStream.ReadAllAsync().ToListAsync())[^1].Result.LastReport.Step);
        Assert.Equal(After(ended.Steps + 3), await ValueAsync(server, session));
    }

    [Fact]
    public async Task A_client_that_leaves_ends_its_loop_and_learns_later_how_far_it_came()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineRowsAsync(server, session);
        foreach (var number in new ulong[] { 1, 2 })
        {
            var before = await ValueAsync(server, session);
            var request = Train(session, Endless);
            request.RequestId = Id(number);
            request.ReportEvery = 1;
            if (number == 1)
            {
                using var call = server.Sessions.Train(request);
                Assert.True(await call.ResponseStream.MoveNext(default));
            }
            else
            {
                using var stream = server.Sessions.Interact();
                await stream.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Tag = 1, Train = request } } });
                Assert.True(await stream.ResponseStream.MoveNext(default));
            }

            // It waits for the end of the loop.
            var state = await server.Sessions.GetVariablesAsync(new V1.GetVariablesRequest { Session = session });
            request.Session = session;
            request.RequestId = Id(number);
            using var again = server.Sessions.Train(request);
            var stored = Assert.Single(await again.ResponseStream.ReadAllAsync().ToListAsync()).Result;
            Assert.True(stored.Steps > 0);
            Assert.Equal(After(stored.Steps, before), Elements(state.Variables[0].Value));
            Assert.NotNull(stored.Stopped);
        }

        await Eventually.HoldsAsync(() => server.Host.Scheduler.QueuedItems == 0);
    }

    [Fact]
    public async Task A_loop_past_its_timeout_stops_between_two_steps()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineRowsAsync(server, session);
        using var stream = server.Sessions.Interact();
        await stream.RequestStream.WriteAsync(new V1.InteractRequest { Session = session, Commands = { new V1.SessionCommand { Tag = 1, Train = Train("", Endless), Timeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(300)) } } });
        await stream.RequestStream.CompleteAsync();
        var result = Assert.Single(await InteractTests.AllAsync(stream));
        if (result.Error is { } error)
        {
            // So busy a machine that not even the first step was done.
            Check(error, StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED");
            return;
        }

        Check(result.Train.Result.Stopped, StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED");
        Assert.Equal(After(result.Train.Result.Steps), await ValueAsync(server, session));
    }

    [Fact]
    public async Task A_loop_that_cannot_begin_is_an_error_and_leaves_no_reply()
    {
        await using var server = await TestServer.StartAsync();
        var session = await server.OpenAsync();
        await DefineRowsAsync(server, session);
        foreach (var (field, spoil) in new (string, Action<V1.TrainRequest>)[]
        {
            ("steps", r => r.Steps = 0),
            ("steps", r => r.Steps = ulong.MaxValue),
            ("batch_size", r => r.BatchSize = 3),
            ("remainder", r => r.Remainder = (V1.EpochRemainder)9),
            ("optimizer", r => r.Optimizer = null),
            ("data[0].tensor", r => r.Data[0].Tensor = null),
            ("data[1].node", r => r.Data.Add(r.Data[0])),
        })
        {
            var request = Train(session, 1);
            request.RequestId = Id(1);
            spoil(request);
            var status = await RefusedAsync(StatusCode.InvalidArgument, "INVALID_FIELD", async () => await server.Sessions.Train(request).ResponseStream.MoveNext(default));
            Assert.Equal(field, status.GetDetail<BadRequest>().FieldViolations[0].Field);
        }

        var good = Train(session, 1);
        good.RequestId = Id(1);
        using var call = server.Sessions.Train(good);
        Assert.Equal(1UL, Assert.Single(await call.ResponseStream.ReadAllAsync().ToListAsync()).Result.Steps);
        Assert.Equal<double[]>([-3, -4], await ValueAsync(server, session));
    }

    /// <summary>w after so many steps.</summary>
    private static double[] After(ulong steps, double[]? from = null)
    {
        // Whole numbers below 2^53: exact in any order.
        double even = (steps + 1) / 2, odd = steps / 2;
        from ??= [2, 3];
        return [from[0] - (5 * even) - odd, from[1] - (7 * even) - odd];
    }

    private static async Task DefineRowsAsync(TestServer server, string session)
    {
        await server.Sessions.DefineNodesAsync(DefineRows(session));
        await server.Sessions.SetVariablesAsync(Set(session, 2, 3));
    }

    private static V1.DefineNodesRequest DefineRows(string session) => new()
    {
        Session = session,
        Nodes = { Variable(1, 2), Input(2, 1, 2), Node(3, "Mul", 1, 2), Node(4, "ReduceSum", 3).With("keepdims", 0) },
    };

    private static V1.TrainRequest Train(string session, ulong steps) => new()
    {
        Session = session,
        Data = { Feed(2, Tensor([5, 7, 1, 1], 2, 2)) },
        BatchSize = 1,
        Roots = { Root(4) },
        Optimizer = new V1.Optimizer { Sgd = new V1.Sgd { LearningRate = 1 } },
        Steps = steps,
    };
}
