using System.Net;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Gradients.Server.Tests.Web;

/// <summary>Calls by path and JSON.</summary>
public sealed class JsonTests
{
    private const string Values = "\"tensorFormat\":\"TENSOR_FORMAT_VALUES\"";

    /// <summary>f = x³ − 2x at 3: 21, and f′ = 3x² − 2 = 25.</summary>
    [Fact]
    public async Task A_gradient_is_one_line()
    {
        await using var web = await WebServer.StartAsync();
        var reply = (await web.PostAsync("/v1:evaluate", """{"graph":{"text":{"source":"x**3 - 2*x","result":2,"bindings":[{"name":"x","value":1,"type":{"dataType":"DATA_TYPE_FLOAT64"}}]}},"feeds":[{"node":1,"tensor":{"values":{"numbers":[3]}}}],"fetches":[{"value":2}],"roots":[{"value":2}],"wrt":[1],"tensorFormat":"TENSOR_FORMAT_VALUES"}""")).Ok();
        Assert.Equal(21, reply.GetProperty("values")[0].GetProperty("tensor").GetProperty("values").GetProperty("numbers")[0].GetDouble());
        Assert.Equal(25, reply.GetProperty("gradients")[0].GetProperty("tensor").GetProperty("values").GetProperty("numbers")[0].GetDouble());
        Assert.Equal(32, reply.GetProperty("traceId").GetString()!.Length);
    }

    [Fact]
    public async Task Float64_is_lossless()
    {
        await using var web = await WebServer.StartAsync();
        var random = new Random(7);
        double[] sent =
        [
            0.0, -0.0, double.Epsilon, -double.Epsilon, 2.2250738585072014e-308, 2.225073858507201e-308, double.MaxValue, double.MinValue, 0.1, 1.0 / 3,
            9007199254740993.0, 1.7976931348623157e308, 5e-324, 123456789012345680.0, double.NaN, double.PositiveInfinity, double.NegativeInfinity,
            .. Enumerable.Range(0, 1000).Select(_ => BitConverter.Int64BitsToDouble(random.NextInt64())).Where(double.IsFinite),
        ];
        var numbers = string.Join(',', sent.Select(d => double.IsFinite(d) ? d.ToString("G17", System.Globalization.CultureInfo.InvariantCulture) : $"\"{(double.IsNaN(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity")}\""));
        var received = (await EchoAsync(web, "FLOAT64", $"\"numbers\":[{numbers}]")).GetProperty("numbers").EnumerateArray().Select(Double).ToArray();
        Assert.Equal(sent.Select(BitConverter.DoubleToInt64Bits), received.Select(BitConverter.DoubleToInt64Bits));
    }

    [Fact]
    public async Task Float32_is_rounded_to_nearest_once_and_returned_exactly()
    {
        await using var web = await WebServer.StartAsync();
        var received = (await EchoAsync(web, "FLOAT32", "\"numbers\":[0.1,16777217,-0,1e-45,3.4028234663852886e38,\"NaN\"]")).GetProperty("numbers").EnumerateArray().Select(Double).ToArray();
        Assert.Equal([0.10000000149011612, 16777216, -0.0, 1.401298464324817e-45, 3.4028234663852886e38, double.NaN], received);
        var refused = await web.PostAsync("/v1:evaluate", Echo("FLOAT32", "\"numbers\":[1e39]"));
        Assert.Equal("feeds[0].tensor.values.numbers[0]", refused.Refused(HttpStatusCode.BadRequest, StatusCode.InvalidArgument, "INVALID_FIELD").GetProperty("field").GetString());
    }

    [Fact]
    public async Task Int64_and_bool_are_lists_too()
    {
        await using var web = await WebServer.StartAsync();
        var integers = await EchoAsync(web, "INT64", "\"integers\":[\"9007199254740993\",9007199254740993,-9223372036854775808,9223372036854775807,1e3]");
        Assert.Equal(["9007199254740993", "9007199254740993", "-9223372036854775808", "9223372036854775807", "1000"], integers.GetProperty("integers").EnumerateArray().Select(e => e.GetString()!));
        var booleans = await EchoAsync(web, "BOOL", "\"booleans\":[true,false,true]");
        Assert.Equal([true, false, true], booleans.GetProperty("booleans").EnumerateArray().Select(e => e.GetBoolean()));
    }

    [Fact]
    public async Task Base64_is_as_good_as_a_list()
    {
        await using var web = await WebServer.StartAsync();
        var raw = Convert.ToBase64String(System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>([1.5, -2])).TrimEnd('=');
        var tensor = (await web.PostAsync("/v1:evaluate", Request($$"""{"dataType":"DATA_TYPE_FLOAT64","shape":["2"],"raw":"{{raw}}"}""", "FLOAT64", ""))).Ok().GetProperty("values")[0].GetProperty("tensor");
        Assert.Equal(raw, tensor.GetProperty("raw").GetString()!.TrimEnd('='));
    }

    [Theory]
    [InlineData("""{"values":{"numbers":[1,2,3]}}""", "3")]
    [InlineData("""{"values":{"numbers":[1]}}""", "")]
    [InlineData("""{"values":{"numbers":[1]},"shape":[1]}""", "1")]
    [InlineData("""{"values":{"numbers":[1,2,3,4]},"shape":[2,2]}""", "2,2")]
    [InlineData("""{"values":{},"shape":[0],"dataType":"DATA_TYPE_FLOAT64"}""", "0")]
    public async Task A_list_tells_its_type_and_length(string tensor, string shape)
    {
        await using var web = await WebServer.StartAsync();
        var reply = (await web.PostAsync("/v1:evaluate", Request(tensor, "FLOAT64", Values, any: shape.Split(',', StringSplitOptions.RemoveEmptyEntries).Length))).Ok().GetProperty("values")[0].GetProperty("tensor");
        Assert.Equal(shape, reply.TryGetProperty("shape", out var lengths) ? string.Join(',', lengths.EnumerateArray().Select(e => e.GetString())) : "");
    }

    [Theory]
    [InlineData("""{"values":{"numbers":[1,2]},"shape":[3]}""", "CONTENT_SIZE_MISMATCH")]
    [InlineData("""{"values":{"numbers":[1],"integers":[1]}}""", "INVALID_FIELD")]
    [InlineData("""{"values":{"integers":[1]},"dataType":"DATA_TYPE_FLOAT64"}""", "DATA_TYPE_MISMATCH")]
    [InlineData("""{"values":{"numbers":[1]},"dataType":"DATA_TYPE_BOOL"}""", "DATA_TYPE_MISMATCH")]
    [InlineData("""{"values":{}}""", "INVALID_FIELD")]
    [InlineData("""{"values":{"numbers":[1]},"shape":[-1]}""", "SHAPE_MISMATCH")]
    [InlineData("""{"values":{"numbers":[1]},"handle":"tensors/1"}""", "MALFORMED_MESSAGE")]
    public async Task A_list_that_does_not_fit_is_refused(string tensor, string reason)
    {
        await using var web = await WebServer.StartAsync();
        (await web.PostAsync("/v1:evaluate", Request(tensor, "FLOAT64", ""))).Refused(HttpStatusCode.BadRequest, StatusCode.InvalidArgument, reason);
    }

    [Fact]
    public async Task Long_lists_are_refused_both_ways()
    {
        await using var web = await WebServer.StartAsync(o => o.MaxListBytes = 64);
        Assert.Equal("max_list_bytes", (await web.PostAsync("/v1:evaluate", Echo("FLOAT64", "\"numbers\":[1,2,3,4,5,6,7,8,9]"))).Refused(HttpStatusCode.TooManyRequests, StatusCode.ResourceExhausted, "LIMIT_EXCEEDED").GetProperty("limit").GetString());
        var both = """{"graph":{"text":{"source":"Expand(1.0, [17])","result":2}},"fetches":[{"value":2}],"tensorFormat":"TENSOR_FORMAT_VALUES"}""";
        Assert.Equal("max_list_bytes", (await web.PostAsync("/v1:evaluate", both)).Refused(HttpStatusCode.TooManyRequests, StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE").GetProperty("limit").GetString());
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("[]", "")]
    [InlineData("null", "")]
    [InlineData("{", "")]
    [InlineData("{} {}", "")]
    [InlineData("{\"graph\":{\"text\":{\"source\":\"\\ud800\"}}}", "graph.text.source")]
    [InlineData("""{"grap":{}}""", "grap")]
    [InlineData("""{"graph":{"text":{"sauce":"1"}}}""", "graph.text.sauce")]
    [InlineData("""{"graph":[]}""", "graph")]
    [InlineData("""{"feeds":{}}""", "feeds")]
    [InlineData("""{"feeds":[{"node":1},{"node":-1}]}""", "feeds[1].node")]
    [InlineData("""{"feeds":[{"node":1.5}]}""", "feeds[0].node")]
    [InlineData("""{"feeds":[{"node":18446744073709551616}]}""", "feeds[0].node")]
    [InlineData("""{"feeds":[null]}""", "feeds[0]")]
    [InlineData("""{"feeds":[{"tensor":{"shape":[1,[2]]}}]}""", "feeds[0].tensor.shape[1]")]
    [InlineData("""{"feeds":[{"tensor":{"raw":"*"}}]}""", "feeds[0].tensor.raw")]
    [InlineData("""{"feeds":[{"tensor":{"values":{"numbers":[1e999]}}}]}""", "feeds[0].tensor.values.numbers[0]")]
    [InlineData("""{"feeds":[{"tensor":{"values":{"numbers":["x"]}}}]}""", "feeds[0].tensor.values.numbers[0]")]
    [InlineData("""{"feeds":[{"tensor":{"dataType":"FLOAT"}}]}""", "feeds[0].tensor.data_type")]
    [InlineData("""{"profile":1}""", "profile")]
    [InlineData("""{"profile":true,"profile":false}""", "profile")]
    public async Task Text_that_is_no_message_is_refused_with_its_place(string json, string field)
    {
        await using var web = await WebServer.StartAsync();
        var metadata = (await web.PostAsync("/v1:evaluate", json)).Refused(HttpStatusCode.BadRequest, StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        Assert.Equal(field, metadata.ValueKind == JsonValueKind.Undefined ? "" : metadata.GetProperty("field").GetString());
    }

    [Fact]
    public async Task Bombs_and_other_bodies_are_refused_before_they_are_built()
    {
        await using var web = await WebServer.StartAsync();
        var deep = string.Concat(Enumerable.Repeat("[", 100_000));
        (await web.PostAsync("/v1:evaluate", deep)).Refused(HttpStatusCode.BadRequest, StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        var empty = "{\"feeds\":[" + string.Join(',', Enumerable.Repeat("{}", 1_300_000)) + "]}";
        Assert.Equal("max_message_expansion_bytes", (await web.PostAsync("/v1:evaluate", empty)).Refused(HttpStatusCode.TooManyRequests, StatusCode.ResourceExhausted, "LIMIT_EXCEEDED").GetProperty("limit").GetString());
        (await web.PostAsync("/v1:evaluate", new byte[(4 << 20) + 1])).Refused(HttpStatusCode.TooManyRequests, StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE");
        (await web.PostAsync("/v1:evaluate", new byte[(4 << 20) + 1], r => r.Headers.TransferEncodingChunked = true)).Refused(HttpStatusCode.TooManyRequests, StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE");
        (await web.PostAsync("/v1:evaluate", [0xff, 0xfe])).Refused(HttpStatusCode.BadRequest, StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        (await web.PostAsync("/v1:evaluate", "{}", r => r.Content!.Headers.ContentType = new("text/plain"))).Refused(HttpStatusCode.BadRequest, StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        var quotas = web.Server.App.Services.GetRequiredService<Server.Limits.ServerQuotas>();
        Assert.Equal((0, 0), (quotas.Wire.Used, quotas.Calls.Used));
    }

    [Fact]
    public async Task A_session_lives_by_JSON()
    {
        await using var web = await WebServer.StartAsync();
        var name = (await web.PostAsync("/v1/sessions", """{"label":"by JSON","ttl":"90s"}""")).Ok().GetProperty("session").GetProperty("name").GetString()!;
        Assert.Equal("90s", (await web.GetAsync($"/v1/{name}")).Ok().GetProperty("session").GetProperty("ttl").GetString());
        (await web.PostAsync($"/v1/{name}:defineNodes", """{"text":{"source":"sum(w*w*w)","result":2,"bindings":[{"name":"w","value":1,"variable":true,"type":{"dataType":"DATA_TYPE_FLOAT64","dimensions":[{"size":2}]}}]}}""")).Ok();
        const string Set = """{"requestId":{"clientId":"AAECAwQFBgcICQoLDA0ODw==","number":1},"updates":[{"variable":1,"tensor":{"values":{"numbers":[2,3]}}}]}""";
        Assert.False((await web.PostAsync($"/v1/{name}:setVariables", Set)).Headers.ContainsKey("gradients-replayed"));
        Assert.Equal("true", (await web.PostAsync($"/v1/{name}:setVariables", Set)).Headers["gradients-replayed"]);
        var backward = (await web.PostAsync($"/v1/{name}:backward", $$"""{"roots":[{"value":"2"}],{{Values}}}""")).Ok();
        Assert.Equal([12.0, 27.0], backward.GetProperty("gradients")[0].GetProperty("tensor").GetProperty("values").GetProperty("numbers").EnumerateArray().Select(Double));
        var read = (await web.GetAsync($"/v1/{name}/variables?variables=1&contents=VARIABLE_CONTENT_VALUE&tensorFormat=TENSOR_FORMAT_VALUES")).Ok();
        Assert.Equal([2.0, 3.0], read.GetProperty("variables")[0].GetProperty("value").GetProperty("values").GetProperty("numbers").EnumerateArray().Select(Double));
        (await web.GetAsync($"/v1/{name}/variables?variable=1")).Refused(HttpStatusCode.BadRequest, StatusCode.InvalidArgument, "MALFORMED_MESSAGE");
        Assert.Single((await web.GetAsync("/v1/sessions?pageSize=1")).Ok().GetProperty("sessions").EnumerateArray());
        (await web.SendAsync(HttpMethod.Delete, $"/v1/{name}", null, null)).Ok();
        (await web.GetAsync($"/v1/{name}")).Refused(HttpStatusCode.NotFound, StatusCode.NotFound, "SESSION_NOT_FOUND");
    }

    [Fact]
    public async Task A_stream_of_the_server_is_lines()
    {
        await using var web = await WebServer.StartAsync(o => o.PreferredChunkBytes = 16);
        var name = (await web.PostAsync("/v1/sessions", "{}")).Ok().GetProperty("session").GetProperty("name").GetString()!;
        (await web.PostAsync($"/v1/{name}:defineNodes", """{"text":{"source":"w","bindings":[{"name":"w","value":1,"variable":true,"type":{"dataType":"DATA_TYPE_FLOAT64","dimensions":[{"size":3}]}}]}}""")).Ok();
        (await web.PostAsync($"/v1/{name}:setVariables", """{"updates":[{"variable":1,"tensor":{"values":{"numbers":[1,2,3]}}}]}""")).Ok();
        var reply = await web.PostAsync($"/v1/{name}:downloadTensor", """{"variable":1}""");
        Assert.Equal((HttpStatusCode.OK, "application/x-ndjson"), (reply.Code, reply.Headers["content-type"]));
        var lines = reply.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal("3", lines[0].GetProperty("header").GetProperty("shape")[0].GetString());
        var bytes = lines.Skip(1).SelectMany(l => l.GetProperty("chunk").GetProperty("data").GetBytesFromBase64()).ToArray();
        Assert.Equal(3, lines.Count);
        Assert.Equal(System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>([1, 2, 3]).ToArray(), bytes);
        (await web.PostAsync($"/v1/{name}:downloadTensor", """{"variable":9}""")).Refused(HttpStatusCode.NotFound, StatusCode.NotFound, "VALUE_NOT_FOUND");
    }

    [Theory]
    [InlineData("GET", "/")]
    [InlineData("GET", "/v1:evaluate")]
    [InlineData("POST", "/v1/nothing.at.all")]
    [InlineData("POST", "/gradients.v1.SessionService/Nothing")]
    public async Task What_is_not_served_says_so(string method, string path)
    {
        await using var web = await WebServer.StartAsync();
        (await web.SendAsync(new HttpMethod(method), path, null, null)).Refused(HttpStatusCode.NotImplemented, StatusCode.Unimplemented, "RPC_UNIMPLEMENTED");
    }

    [Fact]
    public async Task Unserved_rpcs_and_deadlines_have_their_reasons()
    {
        await using var web = await WebServer.StartAsync();
        (await web.PostAsync("/v1:checkGradients", "{}")).Refused(HttpStatusCode.NotImplemented, StatusCode.Unimplemented, "RPC_UNIMPLEMENTED");
        var slow = """{"graph":{"text":{"source":"sum(Expand(1.0, [3000,3000]) @ Expand(1.0, [3000,3000]))","result":2}},"fetches":[{"value":2}]}""";
        (await web.PostAsync("/v1:evaluate", slow, r => r.Headers.Add("grpc-timeout", "20m"))).Refused(HttpStatusCode.GatewayTimeout, StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED");
    }

    [Fact]
    public async Task The_listener_is_closed_unless_asked_for_and_JSON_is_on_no_other()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Null(Hosting.GradientsServer.WebAddress(server.App));
        using var http = new HttpClient { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri(server.Address, "/v1/serverInfo"), TestContext.Current.CancellationToken)).StatusCode);
        await using var web = await WebServer.StartAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri(web.Server.Address, "/v1/serverInfo"), TestContext.Current.CancellationToken)).StatusCode);
    }

    private static string Echo(string type, string list) => Request($$$"""{"dataType":"DATA_TYPE_{{{type}}}","values":{ {{{list}}} }}""", type, Values);

    private static async Task<JsonElement> EchoAsync(WebServer web, string type, string list) =>
        (await web.PostAsync("/v1:evaluate", Echo(type, list))).Ok().GetProperty("values")[0].GetProperty("tensor").GetProperty("values");

    /// <summary>Feeds an input of this rank and fetches it again, reshaped to what it is, so that the value passes the engine.</summary>
    private static string Request(string tensor, string type, string more, int any = 1)
    {
        var dimensions = string.Join(',', Enumerable.Repeat("{}", any));
        var fields = more.Length > 0 ? "," + more : "";
        return $$$"""{"graph":{"graph":{"nodes":[{"id":1,"op":"Input","attributes":[{"name":"type","type":{"dataType":"DATA_TYPE_{{{type}}}","dimensions":[{{{dimensions}}}]}}]},{"id":2,"op":"Identity","inputs":[1]}]}},"feeds":[{"node":1,"tensor":{{{tensor}}} }],"fetches":[{"value":2}]{{{fields}}} }""";
    }

    private static double Double(JsonElement e) => e.ValueKind == JsonValueKind.Number ? e.GetDouble() : e.GetString() switch
    {
        "NaN" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        var other => throw new FormatException(other),
    };
}
