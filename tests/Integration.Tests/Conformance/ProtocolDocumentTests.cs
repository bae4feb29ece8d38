using System.Text.RegularExpressions;
using Google.Protobuf;
using Gradients.Integration.Tests.Clients;
using Gradients.Integration.Tests.Proofs;

namespace Gradients.Integration.Tests.Conformance;

/// <summary>The bytes of docs/protocol.md are a request, and its reply.</summary>
public sealed partial class ProtocolDocumentTests
{
    [Fact]
    public async Task The_example_is_sent_and_answered_as_printed()
    {
        var text = await File.ReadAllTextAsync(ForeignProgram.PathOf("docs/protocol.md"), TestContext.Current.CancellationToken);
        var blocks = Blocks().Matches(text).Select(m => Convert.FromHexString(string.Concat(m.Groups[1].Value.Split('\n').SelectMany(l => Bytes().Match(l).Value.Split(' '))))).ToArray();
        var request = V1.EvaluateRequest.Parser.ParseFrom(blocks[0]);
        Assert.Equal("x*x", request.Graph.Text.Source);
        Assert.Equal(blocks[0], request.ToByteArray());
        Assert.Contains($"00 00 00 00 {request.CalculateSize():x2}`", text, StringComparison.Ordinal);

        await using var server = await ProofServer.StartAsync();
        var reply = await server.Main.Evaluation.EvaluateAsync(request);
        reply.TraceId = "";
        Assert.Equal(blocks[1], reply.ToByteArray());
        Assert.Equal(9, BitConverter.ToDouble(reply.Values[0].Tensor.Raw.Span));
        Assert.Equal(6, BitConverter.ToDouble(reply.Gradients[0].Tensor.Raw.Span));
    }

    /// <summary>A fenced block that starts with a byte.</summary>
    [GeneratedRegex("```\n([0-9a-f]{2} .*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Blocks();

    /// <summary>The bytes of a line, up to what they mean.</summary>
    [GeneratedRegex("(?<=^ *)[0-9a-f]{2}( [0-9a-f]{2})*(?= |$)")]
    private static partial Regex Bytes();
}
