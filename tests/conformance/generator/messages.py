"""The published messages in their JSON form, and the steps of cases."""
import base64
import struct

from .exact import rounded

CODES = {"float32": "f", "float64": "d", "int64": "q", "bool": "?", "float16": "e"}
BITS = {"float32": "I", "float64": "Q"}
EVALUATE = "gradients.v1.EvaluationService/Evaluate"
SESSIONS = "gradients.v1.SessionService/"
TENSORS = "gradients.v1.TensorService/"


def data_type(dtype):
    return "DATA_TYPE_" + dtype.upper()


def raw(data):
    return base64.b64encode(data).decode()


def bits(dtype, *patterns):
    """Elements by their bits."""
    return struct.pack(f"<{len(patterns)}{BITS[dtype]}", *patterns)


def tensor(dtype, values, shape=None):
    """A tensor of numbers (a list, or one number for a scalar), rounded to its type, or of bytes."""
    if isinstance(values, bytes):
        data, count = values, len(values) // struct.calcsize(CODES[dtype])
    else:
        shape = [] if shape is None and not isinstance(values, (list, tuple)) else shape
        values = list(values) if isinstance(values, (list, tuple)) else [values]
        count = len(values)
        if dtype in BITS:
            values = [rounded(v if not isinstance(v, int) else float(v), dtype) for v in values]
        data = struct.pack(f"<{count}{CODES[dtype]}", *values)
    shape = [count] if shape is None else shape
    return {"dataType": data_type(dtype), "shape": [str(n) for n in shape], "raw": raw(data)}


def f64(values, shape=None):
    return tensor("float64", values, shape)


def f32(values, shape=None):
    return tensor("float32", values, shape)


def i64(values, shape=None):
    return tensor("int64", values, shape)


def declared(dtype, *sizes):
    return {"dataType": data_type(dtype), "dimensions": [{"symbol": n} if isinstance(n, str) else {} if n is None else {"size": str(n)} for n in sizes]}


def type_of(value):
    return {"dataType": value["dataType"], "dimensions": [{"size": n} for n in value["shape"]]}


def attribute(name, value):
    if isinstance(value, dict):
        return {"name": name, "type" if "dimensions" in value else "tensor": value}
    if isinstance(value, bool):
        return {"name": name, "boolValue": value}
    if isinstance(value, list):
        return {"name": name, "ints": {"values": [str(v) for v in value]}}
    if isinstance(value, str):
        return {"name": name, "dataType": value} if value.startswith("DATA_TYPE_") else {"name": name, "stringValue": value}
    return {"name": name, "floatValue": value} if isinstance(value, float) else {"name": name, "intValue": str(value)}


def node(id, op, *inputs, more=(), **attributes):
    result = {"id": str(id), "op": op}
    if inputs:
        result["inputs"] = [str(i) for i in inputs]
    if attributes:
        result["attributes"] = [attribute(*a) for a in attributes.items()]
    if more:
        result["additionalOutputIds"] = [str(i) for i in more]
    return result


def source(id, value, op="Input"):
    return node(id, op, type=type_of(value))


def constant(id, value):
    return node(id, "Constant", value=value)


def graph(*nodes, functions=()):
    return {"graph": {"nodes": list(nodes), **({"functions": list(functions)} if functions else {})}}


def feeds(values):
    return [{"node": str(id), "tensor": value} for id, value in values.items()]


def fetches(*ids):
    return [{"value": str(id)} for id in ids]


def roots(*ids, cotangents=()):
    return [{"value": str(id), **({"cotangent": c} if c else {})} for id, c in zip(ids, cotangents or [None] * len(ids))]


def expected(value):
    """A tensor of a reply: the empty shape of a scalar is written null, which matches what is not there."""
    return value | {"shape": value["shape"] or None}


def values(of):
    return [{"value": str(id), "tensor": expected(t)} for id, t in of.items()]


def gradients(of):
    return [{"value": str(id), **({"absent": True, "tensor": None} if t is None else {"absent": None, "tensor": expected(t)})} for id, t in of.items()]


def step(call, request, reply=None, ulps=None, keep=None):
    """Without `ulps` bits are compared, with it numbers."""
    result = {"call": call, "request": request, "reply": {} if reply is None else reply}
    return result | ({} if ulps is None else {"ulps": ulps}) | ({"keep": keep} if keep else {})


def refused(call, request, code, reason, **details):
    return {"call": call, "request": request, "error": {"code": code, "reason": reason, **details}}


def case(name, *steps):
    return {"name": name, "steps": list(steps)}


def evaluation(name, graph, feed=None, fetch=None, root=None, cotangent=None, gradient=None, ulps=None, **fields):
    """One Evaluate: `fetch` and `gradient` map ids to what is expected."""
    request = {"graph": graph}
    if feed:
        request["feeds"] = feeds(feed)
    if fetch:
        request["fetches"] = fetches(*fetch)
    if root:
        request |= {"roots": roots(root, cotangents=[cotangent]), "wrt": [str(id) for id in gradient]}
    reply = ({"values": values(fetch)} if fetch else {}) | ({"gradients": gradients(gradient)} if root else {})
    return case(name, step(EVALUATE, request | fields, reply, ulps))


def applied(name, op, inputs, result, ulps=None, **attributes):
    """One op on inputs."""
    ids = range(1, len(inputs) + 1)
    nodes = [source(i, value) for i, value in zip(ids, inputs)]
    return evaluation(name, graph(*nodes, node(9, op, *ids, **attributes)), dict(zip(ids, inputs)), {9: result}, ulps=ulps)


def text(expression, result=100, **inputs):
    """A graph as text whose inputs have the ids 1, 2, … in their order."""
    bindings = [{"name": name, "value": str(i), "type": type_of(value)} for i, (name, value) in enumerate(inputs.items(), 1)]
    return {"text": {"source": expression, "bindings": bindings, "result": str(result)}}


def derivative(name, expression, value=None, gradient=None, cotangent=None, ulps=0, **inputs):
    """The value of an expression and its gradient by its inputs, in their order; `cotangent` for what is not a scalar."""
    fetch = {100: value} if value else None
    return evaluation(name, text(expression, **inputs), dict(enumerate(inputs.values(), 1)), fetch, 100, cotangent,
                      dict(enumerate(gradient, 1)), ulps)


def open_session(**request):
    return step(SESSIONS + "CreateSession", request, keep={"$session": "session.name"})


def in_session(rpc, request, reply=None, ulps=None, keep=None):
    return step(SESSIONS + rpc, {"session": "$session"} | request, reply, ulps, keep)


def refused_in_session(rpc, request, code, reason, **details):
    return refused(SESSIONS + rpc, {"session": "$session"} | request, code, reason, **details)


def close_session():
    return step(SESSIONS + "DeleteSession", {"name": "$session"})
