using System.Diagnostics;
using System.Runtime.InteropServices;
using Gradients.Engine.Kernels;

namespace Gradients.Benchmarks.Products;

/// <summary>The system's OpenBLAS, when there is one (Debian: libopenblas0-pthread).</summary>
internal static unsafe partial class OpenBlas
{
    private const string Library = "libopenblas.so.0";
    private const int RowMajor = 101;
    private const int AsIs = 111;
    private const int Transposed = 112;

    /// <summary>Name and version, or null when it cannot be loaded.</summary>
    public static string? Version { get; } = Find();

    /// <summary>
    /// The variables that OpenBLAS reads when it is loaded: one thread, and the kernels for AVX-512 where they are there, because
    /// it does not know newer processors. False when this process has them.
    /// </summary>
    public static bool TryPrepare(ProcessStartInfo start)
    {
        if (Environment.GetEnvironmentVariable("OPENBLAS_NUM_THREADS") is not null)
            return false;
        start.Environment["OPENBLAS_NUM_THREADS"] = "1";
        if (IsaLevel.Name == "avx512")
            start.Environment.TryAdd("OPENBLAS_CORETYPE", "SkylakeX");
        return true;
    }

    /// <summary>C[m, n] = A' · B'; a prime means transposed where asked for.</summary>
    public static void Multiply(bool transposesA, bool transposesB, int m, int n, int k, float* a, float* b, float* c) =>
        Sgemm(RowMajor, transposesA ? Transposed : AsIs, transposesB ? Transposed : AsIs, m, n, k, 1, a, transposesA ? m : k, b, transposesB ? k : n, 0, c, n);

    private static string? Find()
    {
        if (!NativeLibrary.TryLoad(Library, out var library))
            return null;
        var config = NativeLibrary.TryGetExport(library, "openblas_get_config", out _) ? Marshal.PtrToStringUTF8(Config()) : "OpenBLAS";
        return $"{config?.Trim()} ({Marshal.PtrToStringUTF8(CoreName())})";
    }

    [LibraryImport(Library, EntryPoint = "openblas_get_config")]
    private static partial nint Config();

    [LibraryImport(Library, EntryPoint = "openblas_get_corename")]
    private static partial nint CoreName();

    [LibraryImport(Library, EntryPoint = "cblas_sgemm")]
    private static partial void Sgemm(int order, int transposesA, int transposesB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);
}
