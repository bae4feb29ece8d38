using System.Runtime.InteropServices;
using Gradients.Benchmarks.Limits;
using Gradients.Benchmarks.Steps;
using Gradients.Engine.Kernels;
using Gradients.Engine.Tensors;

namespace Gradients.Benchmarks.Products;

/// <summary>float32 matrix products on one thread; results are compared with OpenBLAS's before anything is timed.</summary>
internal sealed unsafe class GemmSuite : ISuite
{
    /// <summary>The row that --check judges.</summary>
    public const string Judged = "512x512x512 NN";

    private static readonly (int M, int N, int K)[] Shapes =
    [
        (64, 64, 64), (128, 128, 128), (256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048),
        (128, 512, 784), (784, 512, 128), (32, 512, 784), (4, 512, 784), (1, 512, 784), (128, 10, 256), (33, 33, 33), (16, 16, 16),
    ];

    public string Name => "gemm";

    public string Summary => "Products C[M, N] = A[M, K]·B[K, N] in float32, one thread. NT: B is stored transposed, TN: A is. Limit: multiply-adds in registers. Operands that several units of work read from places far apart are packed once, a few slices of K at a time; a unit ends after a millisecond or two, so that a step can be cancelled and shares its core.";

    public void Run(SuiteSettings settings, Recorder rows)
    {
        if (settings.Threads > 1)
            return;
        foreach (var (m, n, k) in settings.IsBrief ? [(512, 512, 512)] : Shapes)
        {
            foreach (var layout in settings.IsBrief ? ["NN"] : (string[])["NN", "NT", "TN"])
                Measure(layout, m, n, k);
        }

        void Measure(string layout, int m, int n, int k)
        {
            var name = $"{m}x{n}x{k} {layout}";
            if (!rows.Wants(name))
                return;
            bool isTransposedA = layout[0] == 'T', isTransposedB = layout[1] == 'T';
            using var pool = new BufferPool(new BufferPoolOptions());
            using var network = Networks.Product(pool, isTransposedA, isTransposedB, m, n, k);
            using var peer = settings.Peer?.Create(network, 1, withGradients: false);
            var (x, y) = (network.Values[1], network.Values[2]);
            fixed (float* a = x.AsSpan<float>(), b = y.AsSpan<float>())
            {
                using var product = new Product(a, b, isTransposedA, isTransposedB, m, n, k);
                rows.Add(settings.Meter.Measure(new Subject(Name, name, product.Ours)
                {
                    Libtorch = peer is null ? null : peer.Run,
                    OpenBlas = OpenBlas.Version is null || settings.IsBrief ? null : product.Checked(),
                    Limit = new Limit(2.0 * m * n * k, FmaPeak.Measure),
                }));
            }
        }
    }

    private sealed class Product : IDisposable
    {
        private readonly Gemm<float> _gemm;
        private readonly bool _isTransposedA;
        private readonly bool _isTransposedB;
        private readonly int _m;
        private readonly int _n;
        private readonly int _k;
        private readonly float* _a;
        private readonly float* _b;
        private readonly float* _c;
        private readonly float* _reference;
        private readonly float* _workspace;
        private readonly float* _shared;

        public Product(float* a, float* b, bool isTransposedA, bool isTransposedB, int m, int n, int k)
        {
            _a = a;
            _b = b;
            (_isTransposedA, _isTransposedB, _m, _n, _k) = (isTransposedA, isTransposedB, m, n, k);
            _gemm = new Gemm<float>(m, n, k, isTransposedA ? new(1, m) : new(k, 1), isTransposedB ? new(1, k) : new(n, 1));
            _c = Allocate(m * n * sizeof(float));
            _reference = Allocate(m * n * sizeof(float));
            _workspace = Allocate(_gemm.WorkspaceBytes);
            _shared = Allocate(_gemm.SharedBytes);
        }

        public void Ours(int count)
        {
            for (var i = 0; i < count; i++)
            {
                for (var unit = 0; unit < _gemm.UnitCount; unit++)
                    _gemm.Run(_a, _b, _c, _n, _workspace, _shared, unit);
            }
        }

        /// <summary>OpenBLAS's, once its result has been compared.</summary>
        public Action<int> Checked()
        {
            Ours(1);
            Blas(1);
            for (var i = 0; i < _m * _n; i++)
            {
                if (!(Math.Abs(_c[i] - _reference[i]) <= 1e-5f * _k))
                    throw new InvalidOperationException($"{_m}x{_n}x{_k}: element {i} is {_c[i]}, OpenBLAS has {_reference[i]}.");
            }

            return Blas;
        }

        public void Dispose()
        {
            NativeMemory.AlignedFree(_c);
            NativeMemory.AlignedFree(_reference);
            NativeMemory.AlignedFree(_workspace);
            NativeMemory.AlignedFree(_shared);
        }

        private void Blas(int count)
        {
            for (var i = 0; i < count; i++)
                OpenBlas.Multiply(_isTransposedA, _isTransposedB, _m, _n, _k, _a, _b, _reference);
        }

        private static float* Allocate(long bytes) => (float*)NativeMemory.AlignedAlloc((nuint)bytes + 64, 64);
    }
}
