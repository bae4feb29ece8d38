using System.Runtime.InteropServices;
using Google.Protobuf;
using static Gradients.Server.Tests.Messages;

namespace Gradients.Server.Tests.Wire;

/// <summary>Messages of the contract with small and large contents, and what a seeded generator makes of their bytes.</summary>
internal sealed class MutatedMessages(int seed)
{
    private static readonly byte[] Interesting = [0x00, 0x01, 0x05, 0x0A, 0x0B, 0x0C, 0x12, 0x13, 0x14, 0x1A, 0x1D, 0x7F, 0x80, 0xFF];

    private readonly Random _random = new(seed);
    private readonly IMessage[] _messages = Seeds();

    /// <summary>A type and bytes that may be a message of it.</summary>
    public (IMessage Prototype, byte[] Bytes) Next()
    {
        var message = _messages[_random.Next(_messages.Length)];
        var bytes = message.ToByteArray().ToList();
        for (var i = _random.Next(5); i > 0; i--)
            Mutate(bytes);
        return (message, [.. bytes]);
    }

    private static IMessage[] Seeds()
    {
        var large = Tensor(Enumerable.Range(0, 200).Select(i => i * 0.5).ToArray(), 200);
        var edge = new V1.Tensor { DataType = V1.DataType.Bool, Shape = { 1023 }, Raw = ByteString.CopyFrom(new byte[1023]) };
        var least = new V1.Tensor { DataType = V1.DataType.Bool, Shape = { 1024 }, Raw = ByteString.CopyFrom(new byte[1024]) };
        var five = new V1.Tensor { DataType = V1.DataType.Bool, Shape = { 5 }, Raw = ByteString.CopyFrom(1, 0, 0, 0, 0) };
        var constant = Node(3, "Constant");
        constant.Attributes.Add(new V1.Attribute { Name = "value", Tensor = large });
        var graph = new V1.Graph { Nodes = { Input(1, 2), Node(2, "Mul", 1, 1), constant }, Functions = { new V1.Function { Name = "f", Parameters = { 1 }, Nodes = { constant }, Outputs = { 3 } } } };
        V1.Feed[] feeds = [Feed(1, large), Feed(2, five), Feed(3, edge), Feed(4, least), Feed(5, new V1.Tensor { Handle = "tensors/1" }), Feed(6, Tensor([1.5]))];
        var forward = new V1.ForwardRequest { Feeds = { feeds }, Fetches = { Fetch(2) }, RequestId = Id(3) };
        var backward = new V1.BackwardRequest { Feeds = { feeds[1] }, Roots = { Root(2, large), Root(3, five) }, Wrt = { 1, 2, 300 } };
        var set = new V1.SetVariablesRequest { Updates = { new V1.VariableUpdate { Variable = 1, Tensor = large, ExpectedVersion = 2 }, new V1.VariableUpdate { Variable = 2, Value = 5 } } };
        return
        [
            new V1.UploadTensorRequest { Header = new V1.UploadTensorHeader { Session = "sessions/1", DataType = V1.DataType.Float32, Shape = { 2, 0 } } },
            new V1.UploadTensorRequest { Chunk = new V1.TensorChunk { Offset = 4096, Data = ByteString.CopyFrom(MemoryMarshal.AsBytes<double>(new double[256])), Crc32C = 7 } },
            new V1.UploadTensorRequest { Chunk = new V1.TensorChunk { Data = ByteString.CopyFrom(5, 0, 0, 0, 0) } },
            new V1.EvaluateRequest { Graph = new V1.GraphSource { Graph = graph }, Feeds = { feeds }, Fetches = { Fetch(3) }, Roots = { Root(2, large) } },
            new V1.DefineNodesRequest { Session = "sessions/1", Nodes = { graph.Nodes }, Functions = { graph.Functions } },
            forward,
            backward,
            set,
            new V1.InteractRequest
            {
                Session = "sessions/1",
                Commands =
                {
                    new V1.SessionCommand { Tag = 1, DefineNodes = new V1.DefineNodesRequest { Nodes = { graph.Nodes } } },
                    new V1.SessionCommand { Tag = 2, Forward = forward },
                    new V1.SessionCommand { Tag = 300, Backward = backward },
                    new V1.SessionCommand { Tag = 4, SetVariables = set },
                },
            },
            new V1.EvaluateStreamRequest(),
            new V1.ListOpsRequest { PageSize = 5, PageToken = "x" },
        ];
    }

    private void Mutate(List<byte> bytes)
    {
        var at = _random.Next(bytes.Count + 1);
        var count = Math.Min(_random.Next(3) == 0 ? _random.Next(2000) : _random.Next(12), bytes.Count - at);
        switch (_random.Next(10))
        {
            case 0 when count > 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when count > 0:
                bytes[at] = Interesting[_random.Next(Interesting.Length)];
                break;
            case 2:
                bytes.RemoveRange(at, count);
                break;
            case 3:
                bytes.InsertRange(at, bytes.GetRange(at, count));
                break;
            case 4:
                bytes.InsertRange(_random.Next(bytes.Count + 1), bytes.GetRange(at, count));
                break;
            case 5:
                bytes.Insert(at, Interesting[_random.Next(Interesting.Length)]);
                break;
            case 6:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 7:
                // The same messages again, whose fields merge.
                bytes.AddRange(_messages[_random.Next(_messages.Length)].ToByteArray());
                break;
            case 8 when count > 0 && bytes[at] < 128:
                // A number in more bytes than it needs.
                bytes[at] |= 0x80;
                bytes.InsertRange(at + 1, [.. Enumerable.Repeat((byte)0x80, _random.Next(9)), 0x00]);
                break;
            default:
                // An unknown group around what may be fields.
                bytes.Insert(at + count, 0x7C);
                bytes.Insert(at, 0x7B);
                break;
        }
    }
}
