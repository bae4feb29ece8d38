"""Call-outs that nobody can answer, and answers that nobody waits for."""
from . import messages as m

FEATURE = "callouts"
X = m.f64([1, 2])


def cases():
    custom = [m.source(1, X), m.node(2, "Custom", 1, name="table")]
    yield m.case("CALLOUT_UNAVAILABLE: an evaluation has no stream to ask", m.refused(m.EVALUATE, {"graph": m.graph(*custom), "feeds": m.feeds({1: X}), "fetches": m.fetches(2)}, "FAILED_PRECONDITION", "CALLOUT_UNAVAILABLE"))
    yield m.case("CALLOUT_UNAVAILABLE: no stream owns the session", m.open_session(), m.in_session("DefineNodes", {"nodes": custom}),
                 m.refused_in_session("Forward", {"feeds": m.feeds({1: X}), "fetches": m.fetches(2)}, "FAILED_PRECONDITION", "CALLOUT_UNAVAILABLE"), m.close_session())
    reply = {"tag": "7", "calloutReply": {"callout": "999", "values": [{"tensor": X}]}}
    yield m.case("CALLOUT_NOT_FOUND: nobody waits for this answer", m.open_session(), m.step(m.SESSIONS + "Interact", [{"session": "$session", "commands": [reply]}],
                 [{"tag": "7", "error": {"code": "NOT_FOUND", "reason": "CALLOUT_NOT_FOUND"}}]), m.close_session())
    yield m.case("INVALID_ATTRIBUTE: a custom node without a name", m.refused(m.EVALUATE, {"graph": m.graph(m.source(1, X), m.node(2, "Custom", 1)), "fetches": m.fetches(2)}, "INVALID_ARGUMENT", "INVALID_ATTRIBUTE"))
    one_way = m.graph(m.source(1, X), m.node(2, "Custom", 1, name="table", backward=False), m.node(3, "ReduceSum", 2, keepdims=0))
    yield m.case("OP_NOT_DIFFERENTIABLE: a custom node without a backward", m.refused(m.EVALUATE, {"graph": one_way, "feeds": m.feeds({1: X}), "roots": m.roots(3), "wrt": ["1"]}, "UNIMPLEMENTED", "OP_NOT_DIFFERENTIABLE", metadata={"node": "2"}))
