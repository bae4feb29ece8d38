"""Stored graphs: the same content has the same name, which stands for it wherever a graph is accepted."""
from . import messages as m

FEATURE = "graphs"
GRAPHS = "gradients.v1.GraphService/"
NODES = [m.node(1, "Input", type=m.declared("float64", "n")), m.node(2, "Mul", 1, 1), m.node(3, "ReduceSum", 2, keepdims=0)]
X = m.f64([1, 2, 3])
UNKNOWN = "graphs/" + "0" * 64
MISSING = ("NOT_FOUND", "GRAPH_NOT_FOUND")


def create(*keep):
    return m.step(GRAPHS + "CreateGraph", {"graph": {"nodes": NODES}}, {"info": {"nodeCount": "3", **{k: v for k, v in keep}}}, keep={"$graph": "info.name"})


def cases():
    evaluate = {"graph": {"digestName": "$graph"}, "feeds": m.feeds({1: X}), "fetches": m.fetches(3), "roots": m.roots(3), "wrt": ["1"]}
    reply = {"values": m.values({3: m.f64(14)}), "gradients": m.gradients({1: m.f64([2, 4, 6])})}
    yield m.case("a graph is created, evaluated by its name, and created again", create(), m.step(m.EVALUATE, evaluate, reply), create(("name", "$graph")))
    yield m.case("a graph is read back", create(), m.step(GRAPHS + "GetGraph", {"name": "$graph"}, {"info": {"name": "$graph"}, "graph": {"nodes": NODES}}))
    yield m.case("a session is defined by it", create(), m.open_session(), m.in_session("DefineNodes", {"digestName": "$graph"}),
                 m.in_session("Forward", {"feeds": m.feeds({1: X}), "fetches": m.fetches(3)}, {"values": m.values({3: m.f64(14)})}), m.close_session())
    yield m.case("GRAPH_NOT_FOUND: read", m.refused(GRAPHS + "GetGraph", {"name": UNKNOWN}, *MISSING))
    yield m.case("GRAPH_NOT_FOUND: evaluated", m.refused(m.EVALUATE, {"graph": {"digestName": UNKNOWN}, "fetches": m.fetches(3)}, *MISSING))
    yield m.case("GRAPH_NOT_FOUND: defined", m.open_session(), m.refused_in_session("DefineNodes", {"digestName": UNKNOWN}, *MISSING), m.close_session())
