namespace Gradients.Engine.Kernels;

/// <summary>Lengths that are cut into parts.</summary>
internal static class Parts
{
    /// <summary>How many parts of so many elements a length has.</summary>
    public static int Count(int length, int part) => (length + part - 1) / part;

    /// <summary>Where part i of so many nearly equal ones begins.</summary>
    public static int Start(int length, int parts, int i) => (int)((long)length * i / parts);
}
