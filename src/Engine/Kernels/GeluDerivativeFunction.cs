using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gradients.Engine.Kernels;

/// <summary>Φ(x) + x φ(x), the derivative of x Φ(x): −0 at −∞, 1 at ∞.</summary>
internal readonly unsafe struct GeluDerivativeFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<V, T>(V x)
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T> => new GeluDerivativeTerm<V, T>().Of(x);

    public static bool Map<TStore, V, T>(T* x, T* y, int length)
        where TStore : struct, IStore
        where V : struct, ILanes<V, T>
        where T : unmanaged, INumber<T>
    {
        TermLoop<V, T>.Map<GeluDerivativeTerm<V, T>, TStore>(x, y, length);
        return true;
    }
}

/// <summary>
/// d(x) = Φ(x) + x φ(x) is 1 − d(−x), and for t ≥ 0 d(−t) = e^(−t²/2) (erfc(t/√2) e^(t²/2)/2 − t/√(2π)) = e^(−t²/2) (z − t) N(t)/D(t)
/// with its zero −z. N/D is the minimax quotient for 0 ≤ t ≤ 15 (float32, below 9e-9 of it) and 40 (below 4e-17). Its coefficients are
/// positive and z is taken in two parts, so that nothing cancels and the digits hold near the zero, too. Subnormal results are kept.
/// Within 5.3 units in the last place (float32, 6.6 where multiply-adds are not fused) and 9 (float64).
/// </summary>
internal readonly struct GeluDerivativeTerm<V, T> : IUnaryTerm<GeluDerivativeTerm<V, T>, V>
    where V : struct, ILanes<V, T>
    where T : unmanaged, INumber<T>
{
    private readonly Exponential<V, T> _exponential;
    private readonly V _most;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public GeluDerivativeTerm()
    {
        _exponential = new();
        // d(−t) is below every number from 14.6 and 38.7 on.
        _most = V.Constant(typeof(T) == typeof(float) ? 15 : 40);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GeluDerivativeTerm<V, T> Create() => new();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of(V x)
    {
        V t = V.AtMost(V.Abs(x), _most);
        V fromZero = V.Constant(0.7517915246935645) - t + V.Constant(typeof(T) == typeof(float) ? -1.2114449458557720e-8 : -1.4956759177009883e-17);
        V d = fromZero * Quotient(t) * _exponential.OfMinusHalfSquare(t);
        return V.Select(V.Less(x, V.Constant(0)), d, V.Constant(1) - d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Quotient(V t)
    {
        if (typeof(T) == typeof(float))
        {
            return Polynomial.Evaluate<V, T>(t, 0.66507799, 0.754187751, 0.378493529, 0.0958789685, 0.0104707756)
                / Polynomial.Evaluate<V, T>(t, 1, 1.39959653, 0.794159562, 0.220608295, 0.0262461969);
        }

        return Polynomial.Evaluate<V, T>(t, 0.66507799513143428259, 1.2540957944483077904, 1.1321430487463134413, 0.63309392405819925013, 0.24037392924387405789,
                0.064194861815541555735, 0.012081210906124238103, 0.001551759233049829572, 0.00012434209733757842026, 4.7919838562203905856e-6)
            / Polynomial.Evaluate<V, T>(t, 1, 2.1512503101830298107, 2.1269783265144161221, 1.2721258963464660841, 0.50891418129075718535,
                0.14180144012744892534, 0.02766152280410339921, 0.0036673773473406800115, 0.00030264910594498863959, 0.000012011722225588174333);
    }
}
