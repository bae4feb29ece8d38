"""Published examples and whole formulas: exact fractions, and numbers that others printed."""
from decimal import Decimal
from fractions import Fraction as F

from . import exact
from . import messages as m


def cases():
    x, y = [1, 2, 3], [6, 9, 12]
    errors = [2 * a + 1 - b for a, b in zip(x, y)]
    yield m.evaluation("linear regression: dw is -52/3, db -8", m.text("mean((w*x + b - y)**2)", w=m.f64(2), b=m.f64(1), x=m.f64(x), y=m.f64(y)),
                       {1: m.f64(2), 2: m.f64(1), 3: m.f64(x), 4: m.f64(y)}, {100: m.f64(F(50, 3))}, 100, None,
                       {1: m.f64(F(-52, 3)), 2: m.f64(-8), 3: m.f64([F(4 * e, 3) for e in errors])}, 2)
    yield micrograd()
    yield cross_entropy()
    yield m.derivative("sigmoid has slope a quarter at 0", "sigmoid(x)", m.f64(F(1, 2)), [m.f64(F(1, 4))], ulps=0, x=m.f64(0))
    third = "def f(x) { return x**4 }\ng = Gradient(f(x), x, roots=1, wrt=1)\nh = Gradient(g, x, roots=1, wrt=1)\nGradient(h, x, roots=1, wrt=1)"
    yield m.derivative("a gradient is a value: the third derivative of x^4, differentiated again", third, m.f64(48), [m.f64(24)], ulps=4, x=m.f64(2))
    t = exact.tanh(F(1, 2))
    yield m.derivative("second derivative of tanh", "Gradient(tanh(x), x, roots=1, wrt=1)", m.f64(1 - t * t), [m.f64(-2 * t * (1 - t * t))], ulps=8, x=m.f64(F(1, 2)))
    ramp = "def slope(x, g) { return where(x < 0, 0, g) }\ndef ramp(x) gradient slope(x) { return relu(x) }\nsum(ramp(x))"
    yield m.derivative("a function with its own gradient: 1 at 0", ramp, m.f64(2), [m.f64([0, 1, 1])], x=m.f64([-1, 0, 2]))
    functions = [
        {"name": "tenfold", "parameters": ["1", "2"], "nodes": [m.constant(3, m.f64(10)), m.node(4, "Mul", 2, 3)], "outputs": ["4"]},
        {"name": "same", "parameters": ["1"], "nodes": [m.node(2, "Identity", 1)], "outputs": ["2"], "gradient": {"function": "tenfold", "saved": ["1"]}},
    ]
    yield m.evaluation("the same as messages: a gradient function is given what was saved and the cotangent",
                       m.graph(m.source(1, m.f64(3)), m.node(2, "same", 1), functions=functions), {1: m.f64(3)}, {2: m.f64(3)}, 2, None, {1: m.f64(10)})
    yield statistics()


def micrograd():
    """a = -4, b = 2 gives g = 24.7041, dg/da = 138.8338, dg/db = 645.5773; here in exact fractions."""
    text = """c = a + b
d = a*b + b**3
c = c + (c + 1)
c = c + (1 + c - a)
d = d + (d*2 + relu(b + a))
d = d + (3*d + relu(b - a))
e = c - d
f = e**2
f/2 + 10/f"""
    a, b = F(-4), F(2)
    c, d, dc, dd = a + b, a * b + b**3, (F(1), F(1)), (b, a + 3 * b * b)
    both = lambda f, *pairs: tuple(f(*p) for p in zip(*pairs))
    c, dc = 2 * c + 1, both(lambda p: 2 * p, dc)
    c, dc = 2 * c + 1 - a, both(lambda p, q: 2 * p - q, dc, (1, 0))
    assert a + b < 0 < b - a
    d, dd = 3 * d, both(lambda p: 3 * p, dd)
    d, dd = 4 * d + b - a, both(lambda p, q: 4 * p + q, dd, (-1, 1))
    e, de = c - d, both(lambda p, q: p - q, dc, dd)
    f = e * e
    g, slope = f / 2 + 10 / f, F(1, 2) - 10 / (f * f)
    dg = both(lambda p: slope * 2 * e * p, de)
    assert [round(float(v), 4) for v in (g, *dg)] == [24.7041, 138.8338, 645.5773]
    return m.derivative("micrograd's example", text, m.f64(g), [m.f64(v) for v in dg], ulps=4, a=m.f64(a), b=m.f64(b))


def cross_entropy():
    """The weighted mean over what is not ignored divides by the weights used."""
    logits, classes, weights = [[1, 2, 3], [1, 1, 1], [0, 0, 5]], [2, -100, 0], [1, 2, 3]
    used = [(row, c) for row, c in zip(logits, classes) if c != -100]
    total = sum(weights[c] for _, c in used)
    loss = sum(-weights[c] * exact.log(exact.softmax([Decimal(v) for v in row])[c]) for row, c in used) / total
    assert abs(loss - Decimal("1.5590509487636477")) < Decimal("1e-15")
    slopes = []
    for row, c in zip(logits, classes):
        p = exact.softmax([Decimal(v) for v in row])
        slopes += [0 if c == -100 else weights[c] * (p[i] - (i == c)) / total for i in range(3)]
    x = m.f64([v for row in logits for v in row], [3, 3])
    graph = m.graph(m.source(1, x), m.constant(2, m.i64(classes)), m.constant(3, m.f64(weights)), m.node(4, "SoftmaxCrossEntropy", 1, 2, 3, ignore_index=-100))
    return m.evaluation("weighted cross entropy with an ignored row", graph, {1: x}, {4: m.f64(loss)}, 4, None, {1: m.f64(slopes, [3, 3])}, 64)


def statistics():
    graph = m.text("sum(x * x)", x=m.f64([1.5, 2]))
    request = {"graph": graph, "feeds": m.feeds({1: m.f64([1.5, 2])}), "roots": m.roots(100), "wrt": ["1"], "statisticsOnly": True}
    return m.case("norm and finiteness instead of elements", m.step(m.EVALUATE, request, {"gradients": [{"value": "1", "tensor": None, "statistics": {"norm": 5, "finite": True}}]}))
