"""What derivatives are where functions are not smooth, at poles and at ties; NaN and infinity are results like others."""
from math import inf, nan

from . import messages as m
from . import philox

ONES = lambda n: m.f64([1] * n)


def cases():
    vector = lambda name, expression, x, value, gradient, ulps=0: m.derivative(name, expression, m.f64(value), [m.f64(gradient)], ONES(len(value)), ulps, x=m.f64(x))
    yield vector("relu: 0 at 0", "relu(x)", [-1, 0.0, 2], [0, 0, 2], [0, 0, 1])
    yield m.derivative("a relu of one's own that masks x < 0: 1 at 0", "where(x < 0, 0, x)", m.f64([0, 0, 2]), [m.f64([0, 1, 1])], ONES(3), x=m.f64([-1, 0, 2]))
    yield vector("abs: 0 at 0", "abs(x)", [-3, 0.0, 2], [3, 0, 2], [-1, 0, 1])
    yield m.derivative("sign contributes nothing", "x * sign(x)", m.f64([3, 2]), [m.f64([-1, 1])], ONES(2), x=m.f64([-3, 2]))
    yield m.derivative("a mask by comparison scales, and contributes nothing", "x * float64(x > 0)", None, [m.f64([0, 1])], ONES(2), x=m.f64([-1, 2]))
    yield m.derivative("two equal maxima share", "maximum(x, y)", m.f64([1, 3]), [m.f64([0.5, 0]), m.f64([0.5, 1])], ONES(2), x=m.f64([1, 2]), y=m.f64([1, 3]))
    yield m.derivative("three equal minima share: one op, not nested pairs", "Min(x, y, z)", m.f64([1]), [m.f64([1 / 3])] * 3, ONES(1), x=m.f64([1]), y=m.f64([1]), z=m.f64([1]))
    yield m.derivative("ties of a reduced maximum share", "max(x, axis=[1])", m.f64([5, 7]), [m.f64([0.5, 0.5, 0, 0, 0, 1], [2, 3])], ONES(2), x=m.f64([5, 5, 0, 1, 2, 7], [2, 3]))
    yield vector("clip: at a bound as inside", "clip(x, -1, 1)", [-2, -1, 0.5, 1, 2], [-1, -1, 0.5, 1, 1], [0, 1, 1, 1, 0])
    yield vector("x to the 0 at 0: value 1, derivative 0", "x ** 0", [0.0, 2], [1, 1], [0, 0])
    yield m.derivative("the derivative by the exponent at base 0 is 0", "x ** y", m.f64([0, 0]), [m.f64([1, 0]), m.f64([0, 0])], ONES(2), x=m.f64([0, 0]), y=m.f64([1, 2]))
    yield m.derivative("norm at 0: 0", "norm(x)", m.f64(0), [m.f64([0, 0])], x=m.f64([0, 0]))
    yield vector("sqrt at its pole and outside", "sqrt(x)", [0.0, -1], [0, nan], [inf, nan])
    yield vector("log at its pole", "log(x)", [0.0, -0.0], [-inf, -inf], [inf, -inf])
    yield vector("reciprocal at its poles and at infinity", "reciprocal(x)", [0.0, -0.0, inf, -inf, nan], [inf, -inf, 0.0, -0.0, nan], [-inf, -inf, -0.0, -0.0, nan])
    yield m.derivative("logsumexp of minus infinities: gradient 0", "logsumexp(x)", m.f64(-inf), [m.f64([0, 0])], x=m.f64([-inf, -inf]))
    yield m.derivative("logsumexp: infinite elements share", "logsumexp(x)", m.f64(inf), [m.f64([0.5, 0, 0.5])], x=m.f64([inf, 1, inf]))
    yield m.evaluation("softmax of minus infinities only", m.text("softmax(x, axis=0)", x=m.f64([-inf, -inf])), {1: m.f64([-inf, -inf])}, {100: m.f64([nan, nan])}, ulps=0)
    yield m.derivative("where: the branch not taken gets exactly 0, also of an infinite cotangent", "where(x > 0, x, y)", m.f64([1, 6]), [m.f64([inf, 0]), m.f64([0, inf])], m.f64([inf, inf]), x=m.f64([1, -1]), y=m.f64([5, 6]))
    yield vector("rules before a where are IEEE's", "where(x > 0, sqrt(x), 0)", [-1, 4], [0, 2], [nan, 0.25])
    yield vector("a second where guards them", "where(x > 0, sqrt(where(x > 0, x, 1)), 0)", [-1, 4], [0, 2], [0, 0.25])
    yield m.derivative("no path: absent, which is not zero", "x * 2", m.f64([2]), [m.f64([2]), None], ONES(1), x=m.f64([1]), y=m.f64([1]))
    yield m.derivative("stop_gradient cuts the path", "x * stop_gradient(y)", m.f64([6]), [m.f64([3]), None], ONES(1), x=m.f64([2]), y=m.f64([3]))
    yield m.evaluation("gather: equal indices add up", m.text("sum(Gather(x, int64[4]{1, 1, -1, 0}) * float64[4]{1, 2, 3, 4})", x=m.f64([10, 20, 30])), {1: m.f64([10, 20, 30])}, {100: m.f64(190)}, 100, None, {1: m.f64([4, 3, 3])}, 0)
    yield m.derivative("all uses of a value are summed", "x * x + x", m.f64(12), [m.f64(7)], x=m.f64(3))
    yield m.derivative("max pool: the first of equal elements", "MaxPool(x, kernel_shape=[2])", m.f64([3, 3, 3], [1, 1, 3]), [m.f64([1, 1, 1, 0], [1, 1, 4])], m.f64([1, 1, 1], [1, 1, 3]), x=m.f64([3, 3, 3, 1], [1, 1, 4]))
    yield m.evaluation("zeros for absent", m.text("x * 2", x=m.f64(1), y=m.f64([1, 2])), {1: m.f64(1), 2: m.f64([1, 2])}, None, 100, None, {1: m.f64(2), 2: m.f64([0, 0])}, 0, zerosForAbsent=True)
    yield m.evaluation("sums and means over none", m.text("y = mean(x); sum(x)", x=m.f64([], [0])), {1: m.f64([], [0])}, {100: m.f64(0)}, 100, None, {1: m.f64([], [0])}, 0)
    ignored = m.graph(m.source(1, m.f64([1, 2, 3, 1, 1, 1], [2, 3])), m.constant(2, m.i64([-100, -100])), m.node(3, "SoftmaxCrossEntropy", 1, 2, ignore_index=-100))
    yield m.evaluation("cross entropy, all ignored: NaN, gradient 0", ignored, {1: m.f64([1, 2, 3, 1, 1, 1], [2, 3])}, {3: m.f64(nan)}, 3, None, {1: m.f64([0] * 6, [2, 3])}, 1)
    yield dropout(seed=7, step=3)


def dropout(seed, step):
    """An element whose number is below ratio * 2^32 is 0, another one is divided by 1 - ratio; so is the gradient."""
    mask = [0 if philox.uniform(i, step, seed) < 1 << 30 else 1 for i in range(11)]
    ones = m.f64([3] * 11)
    graph = m.graph(m.source(1, ones), m.constant(2, m.f64(0.25)), m.constant(3, m.tensor("bool", True)), m.source(4, m.i64(step, [])), m.node(5, "Dropout", 1, 2, 3, 4, seed=seed))
    return m.evaluation("dropout's mask is a function of seed, step and index", graph, {1: ones, 4: m.i64(step, [])}, {5: m.f64([4 * k for k in mask])}, 5, m.f64([1] * 11),
                        {1: m.f64([k * 4 / 3 for k in mask])}, 1)
