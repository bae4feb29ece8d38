namespace Gradients.Engine.Kernels.Convolutions;

/// <summary>A number that the JIT compiler sees as a constant: the loops of a tile are unrolled by it.</summary>
internal interface IHeight
{
    static abstract int Value { get; }
}

internal readonly struct Height1 : IHeight
{
    public static int Value => 1;
}

internal readonly struct Height2 : IHeight
{
    public static int Value => 2;
}

internal readonly struct Height4 : IHeight
{
    public static int Value => 4;
}

internal readonly struct Height6 : IHeight
{
    public static int Value => 6;
}

internal readonly struct Height8 : IHeight
{
    public static int Value => 8;
}

internal readonly struct Height10 : IHeight
{
    public static int Value => 10;
}

internal readonly struct Height12 : IHeight
{
    public static int Value => 12;
}
