"""Sessions: versions, accumulation, optimizer steps, runs, retries, handles, and a stream that goes on behind a refusal."""
import base64
from decimal import Decimal
from fractions import Fraction as F

from . import exact
from . import messages as m

CLIENT = base64.b64encode(bytes(range(16))).decode()
W, X, LOSS = 1, 2, 3
VALUE = ["VARIABLE_CONTENT_VALUE"]
GRADIENT = ["VARIABLE_CONTENT_GRADIENT"]


def opened(w):
    """loss = sum(w * x): its gradient is x, whatever w is."""
    nodes = [m.node(W, "Variable", type=m.type_of(w)), m.node(X, "Input", type=m.type_of(w)), m.node(4, "Mul", W, X), m.node(LOSS, "ReduceSum", 4, keepdims=0)]
    return [m.open_session(), m.in_session("DefineNodes", {"nodes": nodes}), setting(w, 1)]


def setting(w, version, **fields):
    return m.in_session("SetVariables", {"updates": [{"variable": "1", "tensor": w} | fields]}, {"versions": [{"variable": "1", "version": str(version)}]})


def accumulate(x, **fields):
    return m.in_session("Backward", {"feeds": m.feeds({X: x}), "roots": m.roots(LOSS), "mode": "GRADIENT_MODE_ACCUMULATE"} | fields, {"gradients": [{"value": "1", "tensor": None}]})


def reading(contents, state, ulps=None):
    return m.in_session("GetVariables", {"variables": ["1"], "contents": contents}, {"variables": [{"variable": "1"} | state]}, ulps)


def gradient_is(x):
    return reading(GRADIENT, {"gradient": m.expected(x) if x else None})


def value_is(w, version, ulps=None):
    return reading(VALUE, {"version": str(version), "value": m.expected(w)}, ulps)


def stepping(optimizer, version, **fields):
    return m.in_session("ApplyGradients", {"optimizer": optimizer} | fields, {"versions": [{"variable": "1", "version": str(version)}]})


def session(name, w, *steps):
    return m.case(name, *opened(w), *steps, m.close_session())


def cases():
    w, x = m.f64([1, 2]), m.f64([3, -4])
    yield session("gradients add up until they are zeroed; absent is not zero", w, gradient_is(None), accumulate(x), accumulate(m.f64([1, 1])), gradient_is(m.f64([4, -3])),
                  m.in_session("ZeroGradients", {"keepZeros": True}), gradient_is(m.f64([0, 0])), m.in_session("ZeroGradients", {}), gradient_is(None))
    yield session("BOTH returns this request's gradient, not the sum", w, accumulate(x),
                  m.in_session("Backward", {"feeds": m.feeds({X: m.f64([1, 1])}), "roots": m.roots(LOSS), "mode": "GRADIENT_MODE_BOTH"}, {"gradients": m.gradients({1: m.f64([1, 1])})}), gradient_is(m.f64([4, -3])))
    yield session("RETURN leaves the accumulated gradient alone", w,
                  m.in_session("Backward", {"feeds": m.feeds({X: x}), "roots": m.roots(LOSS)}, {"gradients": m.gradients({1: x})}), gradient_is(None))
    yield session("a step changes value and version, and zeroes when asked", w, accumulate(x), stepping({"sgd": {"learningRate": 0.5}}, 2, zeroGradients=True),
                  value_is(m.f64([-0.5, 4]), 2), gradient_is(None))
    yield session("versions: what does not have the expected one is not assigned", w, setting(m.f64([5, 6]), 2, expectedVersion="1"),
                  m.refused_in_session("SetVariables", {"updates": [{"variable": "1", "tensor": w, "expectedVersion": "1"}]}, "ABORTED", "VERSION_CONFLICT"), value_is(m.f64([5, 6]), 2))
    yield session("a value of the graph is assigned", w, m.in_session("SetVariables", {"updates": [{"variable": "1", "value": "4"}], "feeds": m.feeds({X: x})}, {"versions": [{"variable": "1", "version": "2"}]}), value_is(m.f64([3, -8]), 2))
    yield from optimizers()
    yield from runs()
    yield from retries()
    yield types()
    yield tensors()
    yield stream()


def types():
    """Lengths that definitions tell, symbols that they keep, and what only feeds tell."""
    nodes = [m.node(1, "Input", type=m.declared("float64", "batch", 3)), m.source(2, m.f64([1, 2, 3, 4, 5, 6], [3, 2]), "Variable"), m.node(3, "MatMul", 1, 2), m.node(4, "ReduceSum", 3, keepdims=0),
             m.node(5, "Concat", 1, 1, axis=0), m.node(6, "Equal", 3, 3), m.node(7, "MatMul", 2, 2)]

    def typed(id, kind, *lengths):
        dimensions = [{"size": str(n)} if isinstance(n, int) else {"symbol": n} if n else {"size": None, "symbol": None} for n in lengths]
        return {"value": str(id), "type": {"dataType": kind, "dimensions": dimensions or None}}

    real = "DATA_TYPE_FLOAT64"
    reply = {"types": [typed(1, real, "batch", 3), typed(2, real, 3, 2), typed(3, real, "batch", 2), typed(4, real), typed(5, real, None, 3), typed(6, "DATA_TYPE_BOOL", "batch", 2),
                       {"value": "7", "type": None}]}
    return m.case("definitions tell the types of their values", m.open_session(), m.in_session("DefineNodes", {"nodes": nodes, "returnTypes": True}, reply), m.close_session())


def optimizers():
    """Three steps with the gradients (1, -2), (0.5, 3), (-1, 0.25) from w = (1, 2)."""
    grads = [(F(1), F(-2)), (F(1, 2), F(3)), (F(-1), F(1, 4))]
    settings = {
        "sgd": {"sgd": {"learningRate": 0.125}},
        "sgd with momentum and weight decay": {"sgd": {"learningRate": 0.125, "momentum": 0.5, "weightDecay": 0.25}},
        "sgd with dampening": {"sgd": {"learningRate": 0.125, "momentum": 0.5, "dampening": 0.25}},
        "nesterov": {"sgd": {"learningRate": 0.125, "momentum": 0.5, "nesterov": True}},
        "adam": {"adam": {"learningRate": 0.125, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.0625}},
        "adam by its defaults": {"adam": {}},
        "adamw": {"adamW": {"learningRate": 0.125, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.0625, "weightDecay": 0.25}},
    }
    for name, optimizer in settings.items():
        steps, (kind, fields) = [], next(iter(optimizer.items()))
        trajectories = [list((sgd if kind == "sgd" else adam)(start, [g[i] for g in grads], fields, kind)) for i, start in enumerate((1, 2))]
        for i, g in enumerate(grads):
            steps += [accumulate(m.f64(list(g))), stepping(optimizer, i + 2, zeroGradients=True), value_is(m.f64([t[i] for t in trajectories]), i + 2, 8)]
        yield session(f"optimizer: {name}", m.f64([1, 2]), *steps)


def sgd(theta, grads, fields, _):
    rate, momentum, dampening, decay = (F(fields.get(n, 0)) for n in ("learningRate", "momentum", "dampening", "weightDecay"))
    theta, b = F(theta), None
    for g in grads:
        g += decay * theta
        if momentum:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if fields.get("nesterov") else b
        theta -= rate * g
        yield theta


def adam(theta, grads, fields, kind):
    rate, beta1, beta2, epsilon = (Decimal(fields.get(n, d)) for n, d in (("learningRate", 0.001), ("beta1", 0.9), ("beta2", 0.999), ("epsilon", 1e-8)))
    decay = Decimal(fields.get("weightDecay", 0))
    theta, first, second = Decimal(theta), Decimal(0), Decimal(0)
    for t, g in enumerate(map(exact.decimal, grads), 1):
        if kind == "adamW":
            theta -= rate * decay * theta
        first, second = beta1 * first + (1 - beta1) * g, beta2 * second + (1 - beta2) * g * g
        theta -= rate * (first / (1 - beta1**t)) / ((second / (1 - beta2**t)).sqrt() + epsilon)
        yield theta


def runs():
    w, x = m.f64([1, 2]), m.f64([3, -4])
    forward = m.in_session("Forward", {"feeds": m.feeds({X: x}), "fetches": m.fetches(LOSS), "gradients": True, "roots": ["3"]}, {"values": m.values({LOSS: m.f64(-5)})}, keep={"$run": "run"})
    backward = lambda **f: m.in_session("Backward", {"run": "$run", "roots": m.roots(LOSS), "wrt": ["1", "2"]} | f, {"gradients": m.gradients({1: x, 2: w})})
    consumed = m.refused_in_session("Backward", {"run": "$run", "roots": m.roots(LOSS)}, "FAILED_PRECONDITION", "RUN_RELEASED")
    yield session("a run keeps the variables that its forward saw, and is consumed", w, forward, setting(m.f64([7, 7]), 2), backward(), consumed)
    yield session("a retained run is differentiated again", w, forward, backward(retain=True), backward(), consumed)
    yield session("a released run is gone", w, forward, m.in_session("ReleaseResources", {"runs": ["$run"]}), consumed)


def retries():
    w, x = m.f64([1, 2]), m.f64([3, -4])
    first = {"requestId": {"clientId": CLIENT, "number": "1"}}
    yield session("a repeated request id accumulates once", w, accumulate(x, **first), accumulate(x, **first), gradient_is(x))
    yield session("a request id belongs to its payload", w, accumulate(x, **first),
                  m.refused_in_session("Backward", {"feeds": m.feeds({X: w}), "roots": m.roots(LOSS), "mode": "GRADIENT_MODE_ACCUMULATE"} | first, "ALREADY_EXISTS", "REQUEST_ID_REUSED"), gradient_is(x))
    both = {"tag": "1", "backward": {"feeds": m.feeds({X: x}), "roots": m.roots(LOSS), "mode": "GRADIENT_MODE_BOTH"} | first}
    answer = {"tag": "1", "backward": {"gradients": m.gradients({1: x})}}
    replay = {"tag": "1", "replayed": True, "backward": {"gradients": [{"value": "1", "tensor": {"dataType": "DATA_TYPE_FLOAT64", "shape": ["2"], "raw": None}}]}}
    yield session("a replayed reply is marked, and its elements are not kept", w, m.step(m.SESSIONS + "Interact", [{"session": "$session", "commands": [both]}], [answer]),
                  m.step(m.SESSIONS + "Interact", [{"session": "$session", "commands": [both]}], [replay]), gradient_is(x))


def tensors():
    data = [float(i) for i in range(6)]
    whole = m.f64(data, [2, 3])
    raw = base64.b64decode(whole["raw"])
    header = {"header": {"session": "$session", "dataType": whole["dataType"], "shape": whole["shape"]}}
    chunk = lambda start, end, **f: {"chunk": ({"offset": str(start)} if start else {}) | {"data": base64.b64encode(raw[start:end]).decode()} | f}
    define = m.in_session("DefineNodes", {"nodes": [m.node(1, "Input", type=m.type_of(whole)), m.node(2, "Mul", 1, 1)]})
    return m.case("chunks that end within an element, with checksums; a handle is fed; a handle is read in chunks", m.open_session(), define,
                  m.step(m.TENSORS + "UploadTensor", [header, chunk(0, 20, crc32c=crc32c(raw[:20])), chunk(20, 48)], {"byteSize": "48"}, keep={"$handle": "handle"}),
                  m.in_session("Forward", {"feeds": m.feeds({1: {"handle": "$handle"}}), "fetches": [{"value": "2", "asHandle": True}]}, {"values": [{"value": "2", "tensor": {"raw": None}}]}, keep={"$square": "values.0.tensor.handle"}),
                  m.step(m.TENSORS + "DownloadTensor", {"session": "$session", "handle": "$handle", "chunkBytes": 32, "checksums": True},
                         [{"header": {"dataType": whole["dataType"], "shape": whole["shape"]}}, chunk(0, 32, crc32c=crc32c(raw[:32])), chunk(32, 48, crc32c=crc32c(raw[32:]))]),
                  m.in_session("Forward", {"feeds": m.feeds({1: {"handle": "$square"}}), "fetches": m.fetches(1)}, {"values": m.values({1: m.f64([v * v for v in data], [2, 3])})}),
                  m.close_session())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def stream():
    """A program in one message: what a refused definition should have made is missing afterwards, the rest goes on."""
    assert crc32c(b"123456789") == 0xE3069283
    w, x = m.f64([1, 2]), m.f64([3, -4])
    commands = [
        {"tag": "1", "defineNodes": {"nodes": [m.node(W, "Variable", type=m.type_of(w)), m.node(X, "Input", type=m.type_of(w)), m.node(4, "Mul", W, X), m.node(LOSS, "ReduceSum", 4, keepdims=0)]}},
        {"tag": "2", "defineNodes": {"nodes": [m.node(5, "NoSuchOp", W)]}},
        {"tag": "3", "setVariables": {"updates": [{"variable": "1", "tensor": w}]}},
        {"tag": "4", "forward": {"feeds": m.feeds({X: x}), "fetches": m.fetches(5)}},
        {"tag": "5", "backward": {"feeds": m.feeds({X: x}), "roots": m.roots(LOSS), "mode": "GRADIENT_MODE_ACCUMULATE"}},
        {"tag": "6", "applyGradients": {"optimizer": {"sgd": {"learningRate": 1}}, "zeroGradients": True}},
        {"tag": "7", "getVariables": {"variables": ["1"]}},
    ]
    results = [
        {"tag": "1", "defineNodes": {}},
        {"tag": "2", "error": {"code": "UNIMPLEMENTED", "reason": "OP_UNSUPPORTED"}},
        {"tag": "3", "setVariables": {"versions": [{"variable": "1", "version": "1"}]}},
        {"tag": "4", "error": {"code": "NOT_FOUND", "reason": "VALUE_NOT_FOUND"}},
        {"tag": "5", "backward": {"gradients": [{"value": "1", "tensor": None}]}},
        {"tag": "6", "applyGradients": {"versions": [{"variable": "1", "version": "2"}]}},
        {"tag": "7", "getVariables": {"variables": [{"variable": "1", "version": "2", "value": m.f64([-2, 6])}]}},
    ]
    return m.case("define, differentiate and step in one message of Interact", m.open_session(), m.step(m.SESSIONS + "Interact", [{"session": "$session", "commands": commands}], results), m.close_session())
