"""Correctly rounded operations: every pair of difficult operands, in both precisions; integers wrap; broadcasting."""
import math
from fractions import Fraction

from . import exact
from . import messages as m

OPERANDS = {
    "float64": [0.0, -0.0, 1.0, -1.0, 0.1, -2.5, 1 / 3, 5e-324, -2.2e-308, 1e308, 1.7976931348623157e308, math.inf, -math.inf, math.nan],
    "float32": [0.0, -0.0, 1.0, -1.0, 0.1, -2.5, 1 / 3, 1e-45, -1.1e-38, 1e38, 3.4028234663852886e38, math.inf, -math.inf, math.nan],
}
EDGE = [2**63 - 1, -(2**63), -1, 0, 3]


def wrapped(n):
    return (n + 2**63) % 2**64 - 2**63


def cases():
    for dtype, numbers in OPERANDS.items():
        numbers = [exact.rounded(v, dtype) for v in numbers]
        n = len(numbers)
        a, b = m.tensor(dtype, numbers, [n, 1]), m.tensor(dtype, numbers, [n])
        for op in ("Add", "Sub", "Mul", "Div"):
            table = [exact.ieee(op, x, y, dtype) for x in numbers for y in numbers]
            yield m.evaluation(f"{dtype}: {op}, every pair", m.graph(m.source(1, a), m.source(2, b), m.node(3, op, 1, 2)), {1: a, 2: b}, {3: m.tensor(dtype, table, [n, n])}, ulps=0)
        for op, holds in (("Less", lambda x, y: x < y), ("Greater", lambda x, y: x > y), ("Equal", lambda x, y: x == y)):
            table = [holds(x, y) for x in numbers for y in numbers]
            yield m.evaluation(f"{dtype}: {op}, every pair", m.graph(m.source(1, a), m.source(2, b), m.node(3, op, 1, 2)), {1: a, 2: b}, {3: m.tensor("bool", table, [n, n])})
        for op, best in (("Max", max), ("Min", min)):
            pairs = [(x, y) for x in numbers for y in numbers if x != 0 or y != 0]
            left, right = (m.tensor(dtype, list(side)) for side in zip(*pairs))
            picked = m.tensor(dtype, [math.nan if math.isnan(x) or math.isnan(y) else best(x, y) for x, y in pairs])
            yield m.evaluation(f"{dtype}: {op}, NaN propagates", m.graph(m.source(1, left), m.source(2, right), m.node(3, op, 1, 2)), {1: left, 2: right}, {3: picked}, ulps=0)
        for op, f in (("Neg", lambda x: -x), ("Abs", abs), ("Sign", lambda x: x if math.isnan(x) else float((x > 0) - (x < 0)))):
            inputs = [x for x in numbers if not (op == "Sign" and x == 0)]
            x = m.tensor(dtype, inputs)
            yield m.evaluation(f"{dtype}: {op}", m.graph(m.source(1, x), m.node(3, op, 1)), {1: x}, {3: m.tensor(dtype, [f(v) for v in inputs])}, ulps=0)
        roots = [x for x in numbers if x >= 0 and x < math.inf]
        yield m.evaluation(f"{dtype}: Sqrt", m.graph(m.source(1, m.tensor(dtype, roots)), m.node(3, "Sqrt", 1)), {1: m.tensor(dtype, roots)},
                           {3: m.tensor(dtype, [x if x == 0 else exact.sqrt(Fraction(x)) for x in roots])}, ulps=0)
    a, b = m.i64(EDGE, [5, 1]), m.i64(EDGE)
    for op, f in (("Add", lambda x, y: x + y), ("Sub", lambda x, y: x - y), ("Mul", lambda x, y: x * y)):
        table = [wrapped(f(x, y)) for x in EDGE for y in EDGE]
        yield m.evaluation(f"int64: {op} wraps", m.graph(m.source(1, a), m.source(2, b), m.node(3, op, 1, 2)), {1: a, 2: b}, {3: m.i64(table, [5, 5])})
    yield from casts()
    yield from broadcasts()


def casts():
    wide = [0.1, 1 / 3, 16777217.0, 3.4028235677973366e38, 1e-46, -0.0, math.inf, 1.5]
    yield m.evaluation("cast float64 to float32 rounds to nearest, ties to even", m.graph(m.source(1, m.f64(wide)), m.node(3, "Cast", 1, to="DATA_TYPE_FLOAT32")), {1: m.f64(wide)}, {3: m.f32(wide)})
    yield m.evaluation("cast float64 to int64 goes toward zero and saturates", m.graph(m.source(1, m.f64([2.9, -2.9, 1e300, -1e300, math.nan, -0.0])), m.node(3, "Cast", 1, to="DATA_TYPE_INT64")),
                       {1: m.f64([2.9, -2.9, 1e300, -1e300, math.nan, -0.0])}, {3: m.i64([2, -2, 2**63 - 1, -(2**63), 0, 0])})
    yield m.evaluation("cast to bool is x != 0", m.graph(m.source(1, m.f64([0.0, -0.0, 5e-324, -3.0, math.nan])), m.node(3, "Cast", 1, to="DATA_TYPE_BOOL")),
                       {1: m.f64([0.0, -0.0, 5e-324, -3.0, math.nan])}, {3: m.tensor("bool", [False, False, True, True, True])})
    yield m.evaluation("cast int64 to float64 rounds", m.graph(m.source(1, m.i64([2**53 + 1, -(2**63)])), m.node(3, "Cast", 1, to="DATA_TYPE_FLOAT64")), {1: m.i64([2**53 + 1, -(2**63)])}, {3: m.f64([2.0**53, -(2.0**63)])})


def broadcasts():
    """Small integers: every product and sum is exact, so the bits do not depend on the order of a sum."""
    for left, right, whole in [([2, 3], [3], [2, 3]), ([2, 1], [1, 3], [2, 3]), ([], [2, 2], [2, 2]), ([4, 1, 2], [3, 1], [4, 3, 2]), ([0, 3], [1, 3], [0, 3])]:
        size = lambda s: math.prod(s)
        a, b = list(range(1, size(left) + 1)), list(range(10, 10 + size(right)))
        c = list(range(-2, size(whole) - 2))
        product, da, db = [], [0] * size(left), [0] * size(right)
        for i in range(size(whole)):
            index = [i // size(whole[k + 1:]) % whole[k] for k in range(len(whole))]
            p, q = flat(index, left), flat(index, right)
            product.append(a[p] * b[q])
            da[p] += c[i] * b[q]
            db[q] += c[i] * a[p]
        ta, tb = m.f64(a, left), m.f64(b, right)
        yield m.derivative(f"broadcast {left} with {right}: gradients are summed back", "a * b", m.f64(product, whole), [m.f64(da, left), m.f64(db, right)], m.f64(c, whole), a=ta, b=tb)


def flat(index, shape):
    """Where an element of the whole lies in an operand."""
    position = 0
    for size, i in zip(shape, index[len(index) - len(shape):]):
        position = position * size + (0 if size == 1 else i)
    return position
