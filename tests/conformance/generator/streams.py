"""A stream of evaluations: results in order, each for itself; tensors in parts are known by their handle until the stream ends."""
import base64

from . import messages as m

FEATURE = "evaluate_stream"
STREAM = "gradients.v1.EvaluationService/EvaluateStream"
X = m.f64([1, 2, 3])
GRAPH = m.graph(m.node(1, "Input", type=m.declared("float64", "n")), m.node(2, "Mul", 1, 1), m.node(3, "ReduceSum", 2, keepdims=0))


def evaluate(tag, value, fetch=3):
    return {"tag": str(tag), "evaluate": {"graph": GRAPH, "feeds": [{"node": "1", "tensor": value}], "fetches": m.fetches(fetch)}}


def part(**piece):
    return {"part": {"handle": "tensors/7"} | piece}


def total(tag, value):
    return {"tag": str(tag), "response": {"values": m.values({3: m.f64(value)})}}


def cases():
    raw = base64.b64decode(X["raw"])
    data = lambda a, b: base64.b64encode(raw[a:b]).decode()
    handle = {"handle": "tensors/7"}
    yield m.case("one that fails fails alone", m.step(STREAM, [evaluate(5, X), evaluate(6, X, fetch=9), evaluate(7, m.f64([4]))],
                 [total(5, 14), {"tag": "6", "error": {"code": "NOT_FOUND", "reason": "VALUE_NOT_FOUND"}}, total(7, 16)]))
    sent = [part(header={"dataType": X["dataType"], "shape": X["shape"]}), part(chunk={"data": data(0, 10)}), part(chunk={"offset": "10", "data": data(10, 24)})]
    yield m.case("a tensor in parts is fed twice, until it is released", m.step(STREAM, [*sent, evaluate(1, handle), evaluate(2, handle), part(release=True), evaluate(3, handle)],
                 [total(1, 14), total(2, 14), {"tag": "3", "error": {"code": "NOT_FOUND", "reason": "TENSOR_NOT_FOUND"}}]))
