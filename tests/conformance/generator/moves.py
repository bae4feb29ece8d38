"""What only moves elements gives their bits back: NaN payloads, signed zeros, denormals, every type, no elements at all."""
from . import messages as m

ODD = {
    "float32": m.bits("float32", 0x7FC00001, 0xFFC12345, 0x80000000, 0x00000000, 0x00000001, 0x807FFFFF, 0x7F800000, 0xFF800000),
    "float64": m.bits("float64", 0x7FF8000000000001, 0xFFF8123456789ABC, 0x8000000000000000, 0x0000000000000000,
                      0x0000000000000001, 0x800FFFFFFFFFFFFF, 0x7FF0000000000000, 0xFFF0000000000000),
    "int64": b"".join(v.to_bytes(8, "little", signed=True) for v in (0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), 42, -42)),
    "bool": bytes([0, 1, 1, 0, 1, 0, 0, 1]),
}
SIZE = {"float32": 4, "float64": 8, "int64": 8, "bool": 1}


def picked(dtype, indices, shape):
    """Elements of the odd ones, by their position."""
    size = SIZE[dtype]
    return m.tensor(dtype, b"".join(ODD[dtype][i * size:(i + 1) * size] for i in indices), shape)


def cases():
    for dtype in ODD:
        x = m.tensor(dtype, ODD[dtype], [2, 4])
        ints = lambda id, *v: m.constant(id, m.i64(list(v)))
        for name, nodes, indices, shape in [
            ("an input comes back", [m.node(9, "Identity", 1)], range(8), [2, 4]),
            ("transpose", [m.node(9, "Transpose", 1, perm=[1, 0])], [0, 4, 1, 5, 2, 6, 3, 7], [4, 2]),
            ("reshape, one length inferred", [ints(2, 4, -1), m.node(9, "Reshape", 1, 2)], range(8), [4, 2]),
            ("slice backwards", [ints(2, -1), ints(3, -9), ints(4, 1), ints(5, -2), m.node(9, "Slice", 1, 2, 3, 4, 5)], [3, 1, 7, 5], [2, 2]),
            ("concat", [m.node(9, "Concat", 1, 1, axis=0)], [*range(8), *range(8)], [4, 4]),
            ("gather, also from the end", [ints(2, 3, -4, 3), m.node(9, "Gather", 1, 2, axis=1)], [3, 0, 3, 7, 4, 7], [2, 3]),
            ("expand", [ints(2, 2, 2, 4), m.node(9, "Expand", 1, 2)], [*range(8), *range(8)], [2, 2, 4]),
            ("unsqueeze", [ints(2, 0, -1), m.node(9, "Unsqueeze", 1, 2)], range(8), [1, 2, 4, 1]),
        ]:
            yield m.evaluation(f"{dtype}: {name}", m.graph(m.source(1, x), *nodes), {1: x}, {9: picked(dtype, indices, shape)})
        mask = m.tensor("bool", [True, False, False, True], [4])
        y = picked(dtype, [7, 6, 5, 4, 3, 2, 1, 0], [2, 4])
        chosen = [0, 6, 5, 3, 4, 2, 1, 7]
        yield m.evaluation(f"{dtype}: where selects, it does not multiply", m.graph(m.source(1, x), m.source(2, y), m.constant(3, mask), m.node(9, "Where", 3, 1, 2)),
                           {1: x, 2: y}, {9: picked(dtype, chosen, [2, 4])})
        none = m.tensor(dtype, b"", [0, 3])
        yield m.evaluation(f"{dtype}: no elements", m.graph(m.source(1, none), m.node(9, "Transpose", 1, perm=[1, 0])), {1: none}, {1: none, 9: m.tensor(dtype, b"", [3, 0])})
        yield m.evaluation(f"{dtype}: a scalar", m.graph(m.source(1, picked(dtype, [4], [])), m.node(9, "Identity", 1)), {1: picked(dtype, [4], [])}, {9: picked(dtype, [4], [])})
        yield m.evaluation(f"{dtype}: a constant", m.graph(m.constant(1, x), m.node(9, "Identity", 1)), None, {9: x})
    x = m.f64([1, 2, 3, 4, 5, 6], [2, 3])
    yield m.evaluation("shape", m.graph(m.source(1, x), m.node(9, "Shape", 1)), {1: x}, {9: m.i64([2, 3])})
    yield m.evaluation("a symbolic length comes with the feed", m.graph(m.node(1, "Input", type=m.declared("float64", "batch", 3)), m.node(9, "Shape", 1)), {1: x}, {9: m.i64([2, 3])})
