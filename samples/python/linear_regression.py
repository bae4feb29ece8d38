"""Linear regression through a Gradients server: loss = mean((w*x + b - y)**2), its exact gradient, then 200 steps of SGD.

Usage: python3 linear_regression.py HOST:PORT   (stubs made by generate.sh beside this file)
"""
import struct
import sys

import grpc
from gradients.v1 import execution_pb2, gradient_pb2, graph_pb2, optimizer_pb2, session_service_pb2, tensor_pb2, variables_pb2
from gradients.v1.session_service_pb2_grpc import SessionServiceStub

FLOAT64 = tensor_pb2.DATA_TYPE_FLOAT64
X, W, B, Y, WX, P, E, E2, LOSS = range(1, 10)  # ids are the client's choice


def tensor(*values, shape=()):
    return tensor_pb2.Tensor(data_type=FLOAT64, shape=shape, raw=struct.pack(f"<{len(values)}d", *values))


def numbers(t):
    return struct.unpack(f"<{len(t.raw) // 8}d", t.raw)


def source(id, op, *sizes):
    type = tensor_pb2.TensorType(data_type=FLOAT64, dimensions=[tensor_pb2.Dimension(size=s) for s in sizes])
    return graph_pb2.Node(id=id, op=op, attributes=[graph_pb2.Attribute(name="type", type=type)])


def node(id, op, *inputs, **ints):
    attributes = [graph_pb2.Attribute(name=k, int_value=v) for k, v in ints.items()]
    return graph_pb2.Node(id=id, op=op, inputs=inputs, attributes=attributes)


service = SessionServiceStub(grpc.insecure_channel(sys.argv[1]))
session = service.CreateSession(session_service_pb2.CreateSessionRequest()).session.name
service.DefineNodes(session_service_pb2.DefineNodesRequest(session=session, nodes=[
    source(X, "Input", 3), source(Y, "Input", 3), source(W, "Variable"), source(B, "Variable"),
    node(WX, "Mul", W, X), node(P, "Add", WX, B), node(E, "Sub", P, Y), node(E2, "Mul", E, E),
    node(LOSS, "ReduceMean", E2, keepdims=0)]))
service.SetVariables(variables_pb2.SetVariablesRequest(session=session, updates=[
    variables_pb2.VariableUpdate(variable=W, tensor=tensor(2.0)), variables_pb2.VariableUpdate(variable=B, tensor=tensor(1.0))]))

feeds = [gradient_pb2.Feed(node=X, tensor=tensor(1, 2, 3, shape=[3])), gradient_pb2.Feed(node=Y, tensor=tensor(6, 9, 12, shape=[3]))]
backward = execution_pb2.BackwardRequest(session=session, feeds=feeds, roots=[gradient_pb2.Root(value=LOSS)], wrt=[W, B],
                                         fetches=[gradient_pb2.Fetch(value=LOSS)], mode=execution_pb2.GRADIENT_MODE_BOTH)
sgd = optimizer_pb2.Optimizer(sgd=optimizer_pb2.Sgd(learning_rate=0.1))
for step in range(201):
    reply = service.Backward(backward)
    loss, dw, db = (numbers(t)[0] for t in [reply.values[0].tensor] + [g.tensor for g in reply.gradients])
    if step == 0:
        print(f"loss {loss:.4f}, dw {dw:.4f}, db {db:.4f}, trace {reply.trace_id}")
        assert abs(loss - 50 / 3) < 1e-9 and abs(dw + 52 / 3) < 1e-9 and abs(db + 8) < 1e-9
    service.ApplyGradients(variables_pb2.ApplyGradientsRequest(session=session, optimizer=sgd, zero_gradients=True))
w, b = (numbers(v.value)[0] for v in service.GetVariables(variables_pb2.GetVariablesRequest(session=session, variables=[W, B])).variables)
print(f"after {step} steps: loss {loss:.2e}, w {w:.4f}, b {b:.4f}")
service.DeleteSession(session_service_pb2.DeleteSessionRequest(name=session))
assert abs(w - 3) < 0.01 and abs(b - 3) < 0.02
