using System.Buffers;
using System.Globalization;
using Google.Protobuf;
using Google.Rpc;
using Gradients.Engine;
using Gradients.Engine.Tensors;
using Gradients.Server.Hosting;
using Gradients.Server.Limits;
using Gradients.Server.Wire;
using Gradients.Testing;
using Grpc.Core;

namespace Gradients.Server.Tests.Wire;

/// <summary>
/// The marshaller against Google.Protobuf, on mutated messages: the same bytes are accepted, with the same values.
/// GRADIENTS_FUZZ_MESSAGES says how many, GRADIENTS_FUZZ_SEED which.
/// </summary>
public sealed class ParserFuzzTests
{
    private static readonly Dictionary<Type, Func<ReadOnlySequence<byte>, IMessage>> Marshallers = [];

    [Fact]
    public void Messages_are_read_as_the_official_parser_reads_them()
    {
        var count = Setting("GRADIENTS_FUZZ_MESSAGES", 20_000);
        var seed = Setting("GRADIENTS_FUZZ_SEED", 1);
        var mutated = new MutatedMessages(seed);
        var splits = new Random(seed);
        using var pool = new BufferPool(new BufferPoolOptions { PoisonReturned = true });
        var wire = new Quota("wire", long.MaxValue, ErrorReasons.MemoryBudgetExceeded);
        var (accepted, detached, placed) = (0, 0, 0);
        for (var i = 0; i < count; i++)
        {
            var (prototype, bytes) = mutated.Next();
            var expected = Parse(prototype, bytes);
            using (var lease = new WireLease(pool, wire, null))
            using (var tensor = Tensor.Rent(pool, DataType.Bool, new Shape([3000]), "upload"))
            using (var destination = new Destination(tensor))
            {
                // Chunks of an upload go to their tensor, those of nothing to memory of their own.
                lease.Destination = splits.Next(2) == 0 ? destination : null;
                destination.Filled = splits.Next(2000);
                WireLease.Current = lease;
                var actual = Deserialize(prototype, Split(bytes, splits));
                Assert.True((expected is null) == (actual is null), $"Message {i}, {prototype.Descriptor.Name} of seed {seed}: {(expected is null ? "accepted" : "refused")}.");
                if (expected is not null)
                {
                    accepted++;
                    detached += pool.RentedCount > 1 ? 1 : 0;
                    placed += ReferenceEquals(actual, destination.Message) ? 1 : 0;
                    Assert.True(expected.Equals(actual) && expected.ToByteString().Equals(actual!.ToByteString()), $"Message {i}, {prototype.Descriptor.Name} of seed {seed}: another value.");
                }
            }

            Assert.Equal((0, 0L), (pool.RentedCount, wire.Used));
        }

        WireLease.Current = null;

        // The corpus reaches both answers and both ways.
        Assert.InRange(accepted, count / 10, count * 9 / 10);
        Assert.InRange(detached, count / 20, accepted - 1);
        Assert.InRange(placed, count / 200, accepted - 1);
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    private static IMessage? Parse(IMessage prototype, byte[] bytes)
    {
        try
        {
            return prototype.Descriptor.Parser.ParseFrom(bytes);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Null = refused, which is INVALID_ARGUMENT and nothing else.</summary>
    private static IMessage? Deserialize(IMessage prototype, ReadOnlySequence<byte> bytes)
    {
        try
        {
            return MarshallerOf(prototype)(bytes);
        }
        catch (RpcException e)
        {
            Assert.Equal((Grpc.Core.StatusCode.InvalidArgument, "MALFORMED_MESSAGE"), (e.StatusCode, e.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason));
            return null;
        }
    }

    private static Func<ReadOnlySequence<byte>, IMessage> MarshallerOf(IMessage prototype)
    {
        if (!Marshallers.TryGetValue(prototype.GetType(), out var known))
        {
            var create = typeof(ParserFuzzTests).GetMethod(nameof(Create), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!.MakeGenericMethod(prototype.GetType());
            known = Marshallers[prototype.GetType()] = (Func<ReadOnlySequence<byte>, IMessage>)create.Invoke(null, null)!;
        }

        return known;
    }

    private static Func<ReadOnlySequence<byte>, IMessage> Create<T>()
        where T : class, IMessage<T>, new()
    {
        var marshaller = GuardedMarshaller.Of(Grpc.Core.Marshallers.Create<T>(_ => [], _ => new T()), new GradientsServerOptions { MaxMessageExpansionBytes = 1L << 34 });
        return bytes => marshaller.ContextualDeserializer(new Payload(bytes));
    }

    /// <summary>The bytes in one to four pieces.</summary>
    private static ReadOnlySequence<byte> Split(byte[] bytes, Random random)
    {
        var cuts = Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(bytes.Length + 1)).Order().ToArray();
        return Pieces.Of(bytes, cuts);
    }

    private sealed class Payload(ReadOnlySequence<byte> bytes) : DeserializationContext
    {
        public override int PayloadLength => (int)bytes.Length;

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => bytes;

        public override byte[] PayloadAsNewBuffer() => bytes.ToArray();
    }
}
