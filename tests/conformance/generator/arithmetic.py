"""Correctly rounded operations: every pair of difficult operands, in both precisions; integers wrap; broadcasting."""
import math
from fractions import Fraction

from . import exact
from . import messages as m

OPERANDS = {
    "float64": [0.0, -0.0, 1.0, -1.0, 0.1, -2.5, 1 / 3, 5e-324, -2.2e-308, 1e308, 1.7976931348623157e308, math.inf, -math.inf, math.nan],
    "float32": [0.0, -0.0, 1.0, -1.0, 0.1, -2.5, 1 / 3, 1e-45, -1.1e-38, 1e38, 3.4028234663852886e38, math.inf, -math.inf, math.nan],
}
SHAPES = [([2, 3], [3], [2, 3]), ([2, 1], [1, 3], [2, 3]), ([], [2, 2], [2, 2]), ([4, 1, 2], [3, 1], [4, 3, 2]), ([0, 3], [1, 3], [0, 3])]
EDGE = [2**63 - 1, -(2**63), -1, 0, 3]


BINARY = {
    "Less": lambda x, y: x < y,
    "Greater": lambda x, y: x > y,
    "Equal": lambda x, y: x == y,
    "Max": lambda x, y: math.nan if math.isnan(x) or math.isnan(y) else max(x, y),
    "Min": lambda x, y: math.nan if math.isnan(x) or math.isnan(y) else min(x, y),
}
UNARY = {"Neg": lambda x: -x, "Abs": abs, "Sign": lambda x: x if math.isnan(x) else float((x > 0) - (x < 0))}
WHOLE = {"Add": lambda x, y: x + y, "Sub": lambda x, y: x - y, "Mul": lambda x, y: x * y}


def cases():
    for dtype, numbers in OPERANDS.items():
        yield from floats(dtype, [exact.rounded(v, dtype) for v in numbers])
    a, b = m.i64(EDGE, [5, 1]), m.i64(EDGE)
    for op, f in WHOLE.items():
        yield m.applied(f"int64: {op} wraps", op, [a, b], m.i64([wrapped(f(x, y)) for x in EDGE for y in EDGE], [5, 5]))
    yield from casts()
    yield from broadcasts()


def floats(dtype, numbers):
    n = len(numbers)
    columns, row = m.tensor(dtype, numbers, [n, 1]), m.tensor(dtype, numbers, [n])
    pairs = [(x, y) for x in numbers for y in numbers]
    for op in ("Add", "Sub", "Mul", "Div"):
        table = m.tensor(dtype, [exact.ieee(op, x, y, dtype) for x, y in pairs], [n, n])
        yield m.applied(f"{dtype}: {op}, every pair", op, [columns, row], table, 0)
    for op in ("Less", "Greater", "Equal"):
        table = m.tensor("bool", [BINARY[op](x, y) for x, y in pairs], [n, n])
        yield m.applied(f"{dtype}: {op}, every pair", op, [columns, row], table)
    left, right = zip(*((x, y) for x, y in pairs if x != 0 or y != 0))  # IEEE leaves the larger of -0 and 0 open.
    for op in ("Max", "Min"):
        best = m.tensor(dtype, [BINARY[op](x, y) for x, y in zip(left, right)])
        yield m.applied(f"{dtype}: {op}, NaN propagates", op, [m.tensor(dtype, left), m.tensor(dtype, right)], best, 0)
    for op, f in UNARY.items():
        inputs = [x for x in numbers if not (op == "Sign" and x == 0)]
        yield m.applied(f"{dtype}: {op}", op, [m.tensor(dtype, inputs)], m.tensor(dtype, [f(v) for v in inputs]), 0)
    inputs = [x for x in numbers if 0 <= x < math.inf]
    roots = m.tensor(dtype, [x if x == 0 else exact.sqrt(Fraction(x)) for x in inputs])
    yield m.applied(f"{dtype}: Sqrt", "Sqrt", [m.tensor(dtype, inputs)], roots, 0)


def wrapped(n):
    return (n + 2**63) % 2**64 - 2**63


def casts():
    cast = lambda name, x, to, y: m.applied(f"cast {name}", "Cast", [x], y, to=m.data_type(to))
    wide = [0.1, 1 / 3, 16777217.0, 3.4028235677973366e38, 1e-46, -0.0, math.inf, 1.5]
    yield cast("float64 to float32 rounds to nearest, ties to even", m.f64(wide), "float32", m.f32(wide))
    huge = m.f64([2.9, -2.9, 1e300, -1e300, math.nan, -0.0])
    yield cast("float64 to int64 goes toward zero and saturates", huge, "int64", m.i64([2, -2, 2**63 - 1, -(2**63), 0, 0]))
    tiny = m.f64([0.0, -0.0, 5e-324, -3.0, math.nan])
    yield cast("to bool is x != 0", tiny, "bool", m.tensor("bool", [False, False, True, True, True]))
    yield cast("int64 to float64 rounds", m.i64([2**53 + 1, -(2**63)]), "float64", m.f64([2.0**53, -(2.0**63)]))


def broadcasts():
    """Small integers: every product and sum is exact, so the bits do not depend on the order of a sum."""
    for left, right, whole in SHAPES:
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
        yield m.derivative(f"broadcast {left} with {right}: gradients are summed back", "a * b", m.f64(product, whole),
                           [m.f64(da, left), m.f64(db, right)], m.f64(c, whole), a=ta, b=tb)


def flat(index, shape):
    """Where an element of the whole lies in an operand."""
    position = 0
    for size, i in zip(shape, index[len(index) - len(shape):]):
        position = position * size + (0 if size == 1 else i)
    return position
