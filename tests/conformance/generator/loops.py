"""The loop on the server: which rows a step takes, in order and shuffled, told by a sum of powers of two."""
from . import messages as m
from . import philox

FEATURE = "train"
ROWS = [1, 2, 4, 8, 16]
W, X, LOSS = 1, 2, 3


def cases():
    yield loop("slices in the data's order, over the end of an epoch", {"batchSize": "2"}, [[0, 1], [2, 3], [0, 1]], epochs=[0, 0, 1])
    yield loop("what does not fill a slice is a slice of its own", {"batchSize": "2", "remainder": "EPOCH_REMAINDER_KEEP"}, [[0, 1], [2, 3], [4], [0, 1]], epochs=[0, 0, 0, 1])
    yield loop("micro-batches are added up for one step", {"batchSize": "1", "microBatches": 3}, [[0, 1, 2], [3, 4, 0]], epochs=[0, 1])
    for seed in (0, 42, 2**63 + 5):
        first, second = philox.order(5, 0, seed), philox.order(5, 1, seed)
        yield loop(f"shuffled by the seed {seed}", {"batchSize": "2", "shuffleSeed": str(seed)}, [first[:2], first[2:4], second[:2], second[2:4]], epochs=[0, 0, 1, 1])
    yield at_once()


def opened():
    """loss = sum(w * x): a step with learning rate 1 takes the rows of its slices from w."""
    nodes = [m.node(W, "Variable", type=m.declared("float64")), m.node(X, "Input", type=m.declared("float64", "rows")), m.node(4, "Mul", W, X), m.node(LOSS, "ReduceSum", 4, keepdims=0)]
    return [m.open_session(), m.in_session("DefineNodes", {"nodes": nodes}),
            m.in_session("SetVariables", {"updates": [{"variable": "1", "tensor": m.f64(0)}]}, {"versions": [{"variable": "1", "version": "1"}]})]


def training(fields, steps, first, reply):
    request = {"data": m.feeds({X: m.f64(ROWS)}), "roots": m.roots(LOSS), "optimizer": {"sgd": {"learningRate": 1}}, "steps": str(steps)} | fields
    return m.in_session("Train", request | ({"firstStep": str(first)} if first else {}), [{"result": reply}])


def value_is(w, version):
    return m.in_session("GetVariables", {"variables": ["1"]}, {"variables": [{"variable": "1", "version": str(version), "value": m.expected(m.f64(w))}]})


def loop(name, fields, slices, epochs):
    """Step by step, each going on where the one before ended."""
    steps, w = [], 0
    for i, (rows, epoch) in enumerate(zip(slices, epochs)):
        w -= sum(ROWS[r] for r in rows)
        report = {"step": str(i + 1), "epoch": str(epoch) if epoch else None}
        steps += [training(fields, 1, i, {"steps": "1", "stopped": None, "lastReport": report, "versions": [{"variable": "1", "version": str(i + 2)}]}), value_is(w, i + 2)]
    return m.case(name, *opened(), *steps, m.close_session())


def at_once():
    """The same as so many single steps; the loss of the last is that before its step."""
    w = -sum(ROWS[:4]) - sum(ROWS[:2])
    last = -sum(ROWS[:4]) * sum(ROWS[:2])
    return m.case("three steps at once", *opened(),
                  training({"batchSize": "2"}, 3, 0, {"steps": "3", "lastReport": {"step": "3", "epoch": "1", "losses": [last]}, "versions": [{"variable": "1", "version": "4"}]}),
                  value_is(w, 4), m.close_session())
