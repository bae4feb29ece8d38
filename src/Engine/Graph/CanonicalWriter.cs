using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Gradients.Engine.Tensors;

namespace Gradients.Engine.Graph;

/// <summary>
/// Writes the canonical form of definitions: equal bytes mean equal graphs whatever ids and labels their clients chose.
/// Every item is length-prefixed or of fixed size, so that different graphs never write the same bytes. Reusable.
/// </summary>
public sealed class CanonicalWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new(1024);

    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    public void Clear() => _bytes.ResetWrittenCount();

    /// <summary>Begins with what another writer wrote.</summary>
    internal void StartWith(ReadOnlySpan<byte> written)
    {
        Clear();
        _bytes.Write(written);
    }

    public void Write(byte value) => _bytes.Write([value]);

    public void Write(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.GetSpan(4), value);
        _bytes.Advance(4);
    }

    public void Write(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.GetSpan(8), value);
        _bytes.Advance(8);
    }

    public void Write(string value)
    {
        var count = Encoding.UTF8.GetByteCount(value);
        Write(count);
        Encoding.UTF8.GetBytes(value, _bytes.GetSpan(count));
        _bytes.Advance(count);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Write(bytes.Length);
        _bytes.Write(bytes);
    }

    public void Write(DataType type, Shape shape)
    {
        Write((byte)type);
        Write((byte)shape.Rank);
        foreach (var d in shape.Dimensions)
            Write(d);
    }

    /// <summary>A node: op or function, attributes, outputs, and for each input the position of its node and the output.</summary>
    public void Write(NodeDefinition node)
    {
        if (node.Function is { } function)
        {
            Write((byte)1);
            Write(function.Digest);
        }
        else
        {
            Write((byte)0);
            Write(node.Op.Name);
        }

        Write(node.AdditionalOutputs.Length);
        Write(node.Inputs.Length);
        foreach (var input in node.Inputs)
        {
            Write(input?.Node.Position ?? -1);
            Write(input?.Output ?? 0);
        }

        Write(node.Attributes);
    }

    public void Write(Attributes attributes)
    {
        Write(attributes.Entries.Count);
        foreach (var (name, value) in attributes.Entries)
        {
            Write(name);
            WriteValue(value);
        }
    }

    private void Write(TensorType type)
    {
        Write((byte)type.DataType);
        Write(type.Dimensions.Count);
        foreach (var dimension in type.Dimensions)
        {
            Write(dimension.Size);
            Write(dimension.Symbol ?? "");
        }
    }

    private void WriteValue(object value)
    {
        switch (value)
        {
            case long v:
                Write((byte)1);
                Write(v);
                break;
            case double v:
                Write((byte)2);
                Write(BitConverter.DoubleToInt64Bits(v));
                break;
            case bool v:
                Write((byte)3);
                Write(v ? (byte)1 : (byte)0);
                break;
            case string v:
                Write((byte)4);
                Write(v);
                break;
            case ImmutableArray<long> v:
                Write((byte)5);
                Write(v.Length);
                foreach (var item in v)
                    Write(item);
                break;
            case ImmutableArray<double> v:
                Write((byte)6);
                Write(v.Length);
                foreach (var item in v)
                    Write(BitConverter.DoubleToInt64Bits(item));
                break;
            case DataType v:
                Write((byte)7);
                Write((byte)v);
                break;
            case ConstantData v:
                Write((byte)8);
                Write(v.DataType, v.Shape);
                Write(v.Bytes);
                break;
            case TensorType v:
                Write((byte)9);
                Write(v);
                break;
            case ImmutableArray<TensorType> v:
                Write((byte)10);
                Write(v.Length);
                foreach (var type in v)
                    Write(type);
                break;
            default:
                throw new InvalidOperationException($"No canonical form for {value.GetType()}.");
        }
    }
}
