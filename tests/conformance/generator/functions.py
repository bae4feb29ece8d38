"""Elementary functions and their derivatives, from decimals of 60 digits, within a few units in the last place."""
from decimal import Decimal
from fractions import Fraction

from . import exact
from . import messages as m

ULPS = 4
POINTS = {"float64": [-5.5, -1.25, -0.5, -1e-3, 1e-9, 0.25, 1.0, 2.5, 5.75], "float32": [-5.5, -1.25, -0.5, 0.25, 1.0, 2.5, 5.75]}
TWO = Decimal(2)


def slope_of_erf(x):
    return TWO / exact.PI.sqrt() * exact.exp(-x * x)


FUNCTIONS = {
    "exp": (exact.exp, exact.exp),
    "log": (exact.log, lambda x: 1 / x),
    "sqrt": (exact.sqrt, lambda x: 1 / (2 * exact.sqrt(x))),
    "tanh": (exact.tanh, lambda x: 1 / ((exact.exp(x) + exact.exp(-x)) / 2) ** 2),
    "sigmoid": (exact.sigmoid, lambda x: exact.sigmoid(x) * exact.sigmoid(-x)),
    "softplus": (exact.softplus, exact.sigmoid),
    "erf": (exact.erf, slope_of_erf),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / (x * x)),
}
# 1 - y^2 and y (1 - y) lose what y was rounded by: near a plateau their error is relative to 1, not to the result.
SLOPES_WITHIN = {"tanh": 1.5, "sigmoid": 4}


def cases():
    for dtype, points in POINTS.items():
        for name, (f, slope) in FUNCTIONS.items():
            inputs = [exact.rounded(x, dtype) for x in points if x > 0 or name not in ("log", "sqrt")]
            x, ones = m.tensor(dtype, inputs), m.tensor(dtype, [1] * len(inputs))
            exactly = [Decimal(v) for v in inputs]
            yield m.evaluation(f"{dtype}: {name}", m.text(f"{name}(x)", x=x), {1: x}, {100: m.tensor(dtype, [f(v) for v in exactly])}, ulps=ULPS)
            kept = [v for v in inputs if abs(v) <= SLOPES_WITHIN.get(name, 10)]
            x, ones = m.tensor(dtype, kept), m.tensor(dtype, [1] * len(kept))
            yield m.derivative(f"{dtype}: slope of {name}", f"{name}(x)", None, [m.tensor(dtype, [slope(Decimal(v)) for v in kept])], ones, ulps=2 * ULPS, x=x)
        base, exponent = [0.5, 2.0, 3.0, 10.0], [2.5, -3.0, 0.5, 3.0]
        powers = [exact.power(b, e) for b, e in zip(base, exponent)]
        yield m.derivative(f"{dtype}: pow and both its slopes", "x ** y", m.tensor(dtype, powers),
                           [m.tensor(dtype, [Decimal(e) * p / Decimal(b) for b, e, p in zip(base, exponent, powers)]),
                            m.tensor(dtype, [p * exact.log(b) for b, p in zip(base, powers)])],
                           m.tensor(dtype, [1] * 4), ulps=2 * ULPS, x=m.tensor(dtype, base), y=m.tensor(dtype, exponent))
    yield from rows()


def rows():
    row = [Decimal(1), Decimal(2), Decimal(3)]
    p = exact.softmax(row)
    x, ones = m.f64([1, 2, 3]), m.f64([1, 0, 0])
    yield m.derivative("softmax and the first row of its Jacobian", "softmax(x, axis=0)", m.f64(p), [m.f64([p[0] * (1 - p[0]), -p[0] * p[1], -p[0] * p[2]])], ones, ulps=ULPS, x=x)
    total = exact.log(sum(exact.exp(v) for v in row))
    yield m.derivative("logsumexp", "logsumexp(x)", m.f64(total), [m.f64(p)], ulps=ULPS, x=x)
    far = [1000.0, 1001.0]
    q = exact.softmax([Decimal(0), Decimal(1)])
    yield m.derivative("logsumexp does not overflow", "logsumexp(x)", m.f64(1000 + exact.log(1 + exact.exp(1))), [m.f64(q)], ulps=1 << 12, x=m.f64(far))
    yield m.derivative("mean of squares", "mean(x**2)", m.f64(Fraction(14, 3)), [m.f64([Fraction(2, 3), Fraction(4, 3), 2])], ulps=2, x=x)
    yield m.derivative("norm", "norm(x)", m.f64(5), [m.f64([Fraction(3, 5), Fraction(4, 5)])], ulps=2, x=m.f64([3, 4]))
    a, b, g = m.f64([1, 2, 3, 4, 5, 6], [2, 3]), m.f64([1, 0, 0, 1, 1, 1], [3, 2]), m.f64([1, -1, 2, 0], [2, 2])
    yield m.derivative("matrix product of integers is exact", "a @ b", m.f64([4, 5, 10, 11], [2, 2]),
                       [m.f64([1, -1, 0, 2, 0, 2], [2, 3]), m.f64([9, -1, 12, -2, 15, -3], [3, 2])], g, a=a, b=b)
