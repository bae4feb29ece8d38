"""Graphs as text: operators bind as in Python, whose own arithmetic says what integers give."""
from . import messages as m

X = [-2.0, 0.0, 3.0]


def cases():
    for expression in ("-x**2", "2**3**2 + x", "1 - 2 - x", "12 / 4 / 2 * x", "(x + 1) * (x - 1)", "x * -x", "+x - -x", "-(x + 4)**2 * 2"):
        value = [eval(expression, {"x": x}) for x in X]
        yield m.evaluation(expression, m.text(expression, x=m.f64(X)), {1: m.f64(X)}, {100: m.f64(value)}, ulps=0)
    for expression in ("(x > 0) | (x < -1)", "~(x == 0) & (x <= 0)", "(x >= 0) & (x != 3)"):
        value = [bool(eval(expression, {"x": _Bits(x)})) for x in X]
        yield m.evaluation(expression, m.text(expression, x=m.f64(X)), {1: m.f64(X)}, {100: m.tensor("bool", value)})
    grid = [[1, 2, 3], [4, 5, 6]]
    x = m.f64([v for row in grid for v in row], [2, 3])
    for expression, value, shape in [
        ("x[1]", grid[1], [3]), ("x[-1, 0]", 4, []), ("x[:, ::-1]", [3, 2, 1, 6, 5, 4], [2, 3]), ("x[0, 1:]", [2, 3], [2]),
        ("sum(x, axis=[0])", [5, 7, 9], [3]), ("mean(x, axis=[1], keepdims=1)", [2, 5], [2, 1]), ("transpose(x)", [1, 4, 2, 5, 3, 6], [3, 2]),
        ("y = x * 2; y = y + 1; y", [3, 5, 7, 9, 11, 13], [2, 3]), ("Reshape(x, [3, -1])", [1, 2, 3, 4, 5, 6], [3, 2]),
        ("def twice(v) { return v + v }\ntwice(x) - x", [1, 2, 3, 4, 5, 6], [2, 3]),
    ]:
        yield m.evaluation(expression, m.text(expression, x=x), {1: x}, {100: m.f64(value, shape)}, ulps=0)
    bound = {"text": {"source": "h = 2 * x\n$7 = h + 1\nsum($7)", "bindings": [{"name": "x", "value": "1", "type": m.type_of(x)}, {"name": "h", "value": "2"}], "result": "3"}}
    yield m.evaluation("names and numbers that are bound are values like others", bound, {1: x}, {2: m.f64([2, 4, 6, 8, 10, 12], [2, 3]), 7: m.f64([3, 5, 7, 9, 11, 13], [2, 3]), 3: m.f64(48)}, ulps=0)


class _Bits(float):
    """A number whose comparisons give what ~, & and | treat as one bit."""
    for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
        exec(f"def __{_name}__(self, other): return _Bit(float.__{_name}__(self, other))")
    __hash__ = float.__hash__


class _Bit(int):
    __invert__ = lambda self: _Bit(not self)
    __and__ = lambda self, other: _Bit(int(self) and int(other))
    __or__ = lambda self, other: _Bit(int(self) or int(other))
