using System.Numerics;
using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

public delegate void Unary<T>(ReadOnlySpan<T> x, Span<T> y);

public delegate void Binary<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z);

/// <summary>Every elementwise function by name.</summary>
internal static class ElementwiseCases
{
    public static Dictionary<string, Unary<T>> Unary<T>()
        where T : unmanaged, IFloatingPointIeee754<T> => new()
        {
            ["Exp"] = Elementwise.Exp,
            ["Log"] = Elementwise.Log,
            ["Log1P"] = Elementwise.Log1P,
            ["Sqrt"] = Elementwise.Sqrt,
            ["Sigmoid"] = Elementwise.Sigmoid,
            ["Tanh"] = Elementwise.Tanh,
            ["Softplus"] = Elementwise.Softplus,
            ["Erf"] = Elementwise.Erf,
            ["Gelu"] = Elementwise.Gelu,
            ["GeluDerivative"] = Elementwise.GeluDerivative,
            ["Relu"] = Elementwise.Relu,
            ["Abs"] = Elementwise.Abs,
            ["Neg"] = Elementwise.Neg,
            ["Sign"] = Elementwise.Sign,
        };

    public static Dictionary<string, Binary<T>> Binary<T>()
        where T : unmanaged, IFloatingPointIeee754<T> => new()
        {
            ["Add"] = Elementwise.Add,
            ["Sub"] = Elementwise.Sub,
            ["Mul"] = Elementwise.Mul,
            ["Div"] = Elementwise.Div,
            ["Pow"] = Elementwise.Pow,
            ["Max"] = Elementwise.Max,
            ["Min"] = Elementwise.Min,
        };

    /// <summary>Values over many magnitudes of both signs, with every special value among them.</summary>
    public static T[] Values<T>(int count, int seed)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] special = [T.NaN, T.PositiveInfinity, T.NegativeInfinity, T.Zero, T.NegativeZero, T.Epsilon, -T.Epsilon, T.One, -T.One];
        var random = new Random(seed);
        var values = new T[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = i % 11 == 5
                ? special[random.Next(special.Length)]
                : T.CreateTruncating((random.Next(2) * 2 - 1) * Math.Pow(10, random.NextDouble() * 6 - 3.5));
        }

        return values;
    }

    public static byte[] Bits<T>(ReadOnlySpan<T> values)
        where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values).ToArray();
}
