"""Every reason that a simple request can meet: its code and name are part of the contract, the message is not."""
import base64

from . import messages as m

A, B = m.f64([1, 2]), m.f64([1, 2, 3])
INVALID = "INVALID_ARGUMENT"
HEADER = {"session": "$session", "dataType": "DATA_TYPE_FLOAT64", "shape": ["2"]}


def evaluate(name, graph, code, reason, feed=None, fetch=3, metadata=None, **fields):
    request = {"graph": graph, "fetches": m.fetches(fetch)} | ({"feeds": m.feeds(feed)} if feed else {}) | fields
    return m.case(f"{reason}: {name}", m.refused(m.EVALUATE, request, code, reason, **({"metadata": metadata} if metadata else {})))


def in_session(name, code, reason, rpc, request, *before, **details):
    return m.case(f"{reason}: {name}", m.open_session(), *before, m.refused_in_session(rpc, request, code, reason, **details), m.close_session())


def cases():
    two = [m.source(1, A), m.source(2, B)]
    yield m.case("INVALID_FIELD: a required field is unset", m.refused(m.EVALUATE, {"fetches": m.fetches(1)}, INVALID, "INVALID_FIELD", fields=["graph"]))
    yield evaluate("shapes that do not broadcast", m.graph(*two, m.node(3, "Add", 1, 2)), INVALID, "SHAPE_MISMATCH", {1: A, 2: B}, metadata={"node": "3", "op": "Add"})
    yield evaluate("a feed of another shape than declared", m.graph(m.source(3, A)), INVALID, "SHAPE_MISMATCH", {3: B})
    yield evaluate("types are never converted in silence", m.graph(m.source(1, A), m.constant(2, m.f32([1, 2])), m.node(3, "Add", 1, 2)), INVALID, "DATA_TYPE_MISMATCH", {1: A}, metadata={"node": "3"})
    yield evaluate("a feed of another type than declared", m.graph(m.source(3, A)), INVALID, "DATA_TYPE_MISMATCH", {3: m.f32([1, 2])})
    yield evaluate("a node uses a later one", m.graph(m.node(3, "Neg", 4), m.node(4, "Neg", 3)), INVALID, "GRAPH_CYCLE")
    yield evaluate("bytes that are not those of the shape", m.graph(m.source(3, A)), INVALID, "CONTENT_SIZE_MISMATCH", {3: A | {"raw": m.raw(b"123456789")}})
    yield evaluate("an attribute that the op does not have", m.graph(m.constant(1, A), m.node(3, "Neg", 1, alpha=1)), INVALID, "UNKNOWN_ATTRIBUTE", metadata={"node": "3", "op": "Neg"})
    yield evaluate("a required attribute is missing", m.graph(m.constant(1, A), m.node(3, "Cast", 1)), INVALID, "INVALID_ATTRIBUTE", metadata={"node": "3"})
    yield evaluate("an attribute of another kind", m.graph(m.constant(1, A), m.node(3, "ReduceSum", 1, keepdims=0.5)), INVALID, "INVALID_ATTRIBUTE", metadata={"node": "3"})
    yield evaluate("an input that is needed is not fed", m.graph(m.source(3, A)), INVALID, "FEED_MISSING", metadata={"node": "3"})
    yield evaluate("a text that ends too early tells line and column", {"text": {"source": "a = 1\nb = (a +", "result": "3"}}, INVALID, "EXPRESSION_SYNTAX", metadata={"line": "2"})
    yield evaluate("an op with too few inputs", m.graph(m.constant(1, A), m.node(3, "Add", 1)), INVALID, "INPUT_COUNT_MISMATCH", metadata={"node": "3", "op": "Add"})
    whole = m.i64([1, 2])
    yield evaluate("a gradient by integers", m.graph(m.source(1, A), m.source(2, whole), m.node(3, "ReduceSum", 1, keepdims=0)), INVALID, "NOT_DIFFERENTIABLE_TYPE", {1: A, 2: whole}, roots=m.roots(3), wrt=["2"])
    yield evaluate("an index behind the axis", m.graph(m.source(1, A), m.constant(2, m.i64([2])), m.node(3, "Gather", 1, 2)), "OUT_OF_RANGE", "INDEX_OUT_OF_RANGE", {1: A}, metadata={"node": "3"})
    yield evaluate("a fetch of what is not there", m.graph(m.constant(1, A)), "NOT_FOUND", "VALUE_NOT_FOUND")
    yield evaluate("two nodes of one id", m.graph(m.constant(3, A), m.constant(3, A)), "ALREADY_EXISTS", "NODE_EXISTS")
    twice = [{"name": "f", "parameters": ["1"], "nodes": [m.node(2, "Neg", 1)], "outputs": ["2"]}] * 2
    yield evaluate("two functions of one name", m.graph(m.constant(3, A), functions=twice), "ALREADY_EXISTS", "FUNCTION_EXISTS")
    lost = [{"name": "f", "parameters": ["1"], "nodes": [m.node(2, "Neg", 1)], "outputs": ["2"], "gradient": {"function": "nowhere"}}]
    yield evaluate("no such gradient function", m.graph(m.constant(3, A), functions=lost), "NOT_FOUND", "FUNCTION_NOT_FOUND")
    half = m.tensor("float16", [1.0, 2.0])
    yield evaluate("a type that the server does not list", m.graph(m.source(3, half)), "UNIMPLEMENTED", "DATA_TYPE_UNSUPPORTED", {3: half})
    large = m.graph(m.constant(1, m.f64(1)), m.constant(2, m.i64([600000])), m.node(3, "Expand", 1, 2))
    yield evaluate("a reply of 4.8 MB", large, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE", metadata={"limit": "max_message_bytes"})
    yield evaluate("no such op", m.graph(m.constant(1, A), m.node(3, "NoSuchOp", 1)), "UNIMPLEMENTED", "OP_UNSUPPORTED", metadata={"op": "NoSuchOp"})
    sizes = m.i64([2, 1])
    yield evaluate("a shape that is known only with the data", m.graph(m.source(1, A), m.source(2, sizes), m.node(3, "Reshape", 1, 2)), "UNIMPLEMENTED", "DYNAMIC_SHAPE", {1: A, 2: sizes})
    yield evaluate("a root that is no scalar needs a cotangent", m.graph(m.source(3, A)), "FAILED_PRECONDITION", "COTANGENT_REQUIRED", {3: A}, roots=m.roots(3), wrt=["3"])
    yield evaluate("the first node whose value is not finite", m.graph(m.source(1, m.f64([0])), m.node(2, "Log", 1), m.node(3, "Neg", 2)), "FAILED_PRECONDITION", "NON_FINITE_VALUE", {1: m.f64([0])}, metadata={"node": "2"}, checkFinite=True)
    yield evaluate("nine dimensions", m.graph(m.node(3, "Input", type=m.declared("float64", *[1] * 9))), INVALID, "SHAPE_MISMATCH", {3: m.f64([1], [1] * 9)})
    yield evaluate("a text with more open brackets than are read", {"text": {"source": "(" * 300 + "1" + ")" * 300, "result": "3"}}, "RESOURCE_EXHAUSTED", "LIMIT_EXCEEDED", metadata={"limit": "max_text_depth"})
    yield m.case("SESSION_NOT_FOUND: no such session", m.refused(m.SESSIONS + "GetSession", {"name": "sessions/nosuchsession"}, "NOT_FOUND", "SESSION_NOT_FOUND"))
    yield from sessions()
    yield from uploads()


def sessions():
    variable = m.in_session("DefineNodes", {"nodes": [m.node(1, "Variable", type=m.type_of(A)), m.node(2, "ReduceSum", 1, keepdims=0)]})
    yield in_session("no such run", "NOT_FOUND", "RUN_NOT_FOUND", "Backward", {"run": "runs/999", "roots": m.roots(2)}, variable)
    yield in_session("no such handle", "NOT_FOUND", "TENSOR_NOT_FOUND", "SetVariables", {"updates": [{"variable": "1", "tensor": {"handle": "tensors/999"}}]}, variable)
    yield in_session("a variable without a value", "FAILED_PRECONDITION", "VARIABLE_NOT_SET", "Forward", {"fetches": m.fetches(2)}, variable)
    yield in_session("an id that is taken", "ALREADY_EXISTS", "NODE_EXISTS", "DefineNodes", {"nodes": [m.constant(1, A)]}, variable)
    keep = m.in_session("SetVariables", {"updates": [{"variable": "1", "tensor": A}]}, {"versions": [{"variable": "1", "version": "1"}]})
    forward = {"gradients": True, "roots": ["2"]}
    yield m.case("SESSION_QUOTA: more runs than asked for", m.open_session(limits={"maxRuns": "1"}), variable, keep, m.in_session("Forward", forward),
                 m.refused_in_session("Forward", forward, "RESOURCE_EXHAUSTED", "SESSION_QUOTA"), m.close_session())
    yield m.case("GRADIENT_ABSENT: no gradient was accumulated", m.open_session(), variable, keep,
                 m.refused(m.TENSORS + "DownloadTensor", {"session": "$session", "gradient": "1"}, "FAILED_PRECONDITION", "GRADIENT_ABSENT"), m.close_session())
    yield m.case("SESSION_NOT_FOUND: a second delete", m.open_session(), m.close_session(), m.refused(m.SESSIONS + "DeleteSession", {"name": "$session"}, "NOT_FOUND", "SESSION_NOT_FOUND"))
    yield in_session("an optimizer's setting out of its range", INVALID, "INVALID_FIELD", "ApplyGradients", {"optimizer": {"sgd": {"learningRate": -1}}})


def uploads():
    piece = lambda offset, data, **f: {"chunk": ({"offset": str(offset)} if offset else {}) | {"data": base64.b64encode(data).decode()} | f}
    for name, parts, reason in [
        ("a gap", [piece(0, bytes(8)), piece(9, bytes(7))], "CHUNK_OUT_OF_ORDER"),
        ("a checksum of other bytes", [piece(0, bytes(16), crc32c=1)], "CHECKSUM_MISMATCH"),
        ("an end before the last byte", [piece(0, bytes(8))], "CONTENT_SIZE_MISMATCH"),
    ]:
        yield m.case(f"{reason}: {name}", m.open_session(), m.refused(m.TENSORS + "UploadTensor", [{"header": HEADER}, *parts], INVALID, reason), m.close_session())
    yield m.case("CHUNK_OUT_OF_ORDER: a chunk without a header", m.refused(m.TENSORS + "UploadTensor", [piece(0, bytes(8))], INVALID, "CHUNK_OUT_OF_ORDER"))
