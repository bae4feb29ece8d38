"""Wrong expectations, one of a kind: a runner is right when it reports every case of this file and none of the others."""
from math import nan

from . import messages as m

FOLDER = "wrong"


def same(name, sent, expected, ulps=None):
    return m.applied(name, "Identity", [sent], expected, ulps)


def interact(name, command, *results):
    return m.case(name, m.open_session(), m.step(m.SESSIONS + "Interact", [{"session": "$session", "commands": [command]}], list(results)), m.close_session())


def cases():
    double = lambda bits: m.tensor("float64", m.bits("float64", bits))
    single = lambda bits: m.tensor("float32", m.bits("float32", bits))
    yield same("bits: another zero", m.f64([0.0]), m.f64([-0.0]))
    yield same("bits: another payload", double(0x7FF8000000000001), double(0x7FF8000000000002))
    yield same("ulps 0: another zero", m.f64([0.0]), m.f64([-0.0]), 0)
    yield same("ulps 1: two apart", single(0x3F800000), single(0x3F800002), 1)
    yield same("ulps 2: three apart, across zero", double(1), double(0x8000000000000001), 2)
    yield same("a number where NaN is expected", m.f64([1.0]), m.f64([nan]), 1 << 40)
    yield same("NaN where a number is expected", m.f64([nan]), m.f64([1.0]), 1 << 40)
    yield same("more elements than expected", m.f64([1.0, 2.0]), m.f64([1.0]), 1)
    yield same("a vector where a scalar is expected", m.f64([1.0]), m.f64(1.0))
    yield m.case("an error where a reply is expected", m.step(m.EVALUATE, {}))
    yield m.case("a reply where an error is expected", m.refused(m.SESSIONS + "CreateSession", {}, "NOT_FOUND", "SESSION_NOT_FOUND"))
    yield m.case("another reason", m.refused(m.EVALUATE, {}, "INVALID_ARGUMENT", "SHAPE_MISMATCH"))
    yield m.case("another code", m.refused(m.EVALUATE, {}, "NOT_FOUND", "INVALID_FIELD"))
    yield m.case("another field", m.refused(m.EVALUATE, {}, "INVALID_ARGUMENT", "INVALID_FIELD", fields=["feeds"]))
    unknown = {"graph": m.graph(m.node(3, "NoSuchOp")), "fetches": m.fetches(3)}
    yield m.case("other metadata", m.refused(m.EVALUATE, unknown, "UNIMPLEMENTED", "OP_UNSUPPORTED", metadata={"op": "AnotherOp"}))
    zero = {"tag": "1", "zeroGradients": {}}
    yield interact("fewer results than expected", zero, {"tag": "1"}, {"tag": "2"})
    yield interact("another tag", zero, {"tag": "2"})
    yield interact("another error in the stream", {"tag": "1", "backward": {}}, {"tag": "1", "error": {"code": "NOT_FOUND"}})
