"""A Gradients session for NumPy: arrays in and out, operators build the graph, call-outs run Python functions.

    with Session("127.0.0.1:50051") as session:
        x, w = session.input(3), session.variable(2.0)
        value, (dw,) = session.backward(((w * x) ** 2).mean(), [w], {x: [1, 2, 3]})
"""
import contextlib
import itertools
import queue
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from gradients.v1 import (callout_pb2 as callouts, execution_pb2 as execution, gradient_pb2 as gradient, graph_pb2 as graph,
                          session_service_pb2 as sessions, tensor_pb2 as tensors, tensor_service_pb2 as uploads,
                          training_pb2 as training, variables_pb2 as variables)
from gradients.v1.session_service_pb2_grpc import SessionServiceStub
from gradients.v1.tensor_service_pb2_grpc import TensorServiceStub

DTYPES = {tensors.DATA_TYPE_FLOAT32: "<f4", tensors.DATA_TYPE_FLOAT64: "<f8",  # as the wire is little-endian, so must the host be
          tensors.DATA_TYPE_INT64: "<i8", tensors.DATA_TYPE_BOOL: "?"}
DATA_TYPES = {np.dtype(dtype): data_type for data_type, dtype in DTYPES.items()}
CHUNK = 1 << 20


class GradientsError(Exception):
    """A failed call: its code and, where a server refused it, the stable reason, what it applies to and the fields at fault."""

    def __init__(self, error):
        super().__init__(error.details())
        status, info, bad = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b""), ErrorInfo(), BadRequest()
        for detail in Status.FromString(status).details:
            detail.Unpack(info) or detail.Unpack(bad)
        self.code, self.reason, self.metadata = error.code(), info.reason, dict(info.metadata)
        self.fields = [violation.field for violation in bad.field_violations]


def to_tensor(values, dtype=None):
    array = np.asarray(values, dtype)
    return tensors.Tensor(data_type=DATA_TYPES[array.dtype], shape=array.shape, raw=array.tobytes())


def to_array(tensor):
    return np.frombuffer(tensor.raw, DTYPES[tensor.data_type]).reshape(tuple(tensor.shape))


class Value:
    """A value of the session's graph. Operators add nodes; numbers and lists beside it take the session's type."""

    def __init__(self, session, id):
        self.session, self.id = session, id

    __neg__ = lambda self: self.session.op("Neg", self)
    mean = lambda self: self.session.op("ReduceMean", self, keepdims=0)
    sum = lambda self: self.session.op("ReduceSum", self, keepdims=0)
    __array_ufunc__ = None  # an array on the left leaves the operator to this class


for _name, _op in dict(add="Add", sub="Sub", mul="Mul", truediv="Div", pow="Pow", matmul="MatMul").items():
    setattr(Value, f"__{_name}__", lambda self, other, op=_op: self.session.op(op, self, other))
    setattr(Value, f"__r{_name}__", lambda self, other, op=_op: self.session.op(op, other, self))


class Session:
    """A session on the server. Nodes wait here until a request needs them, so that defining costs no round trips."""

    def __init__(self, address, dtype=np.float64, credentials=None):
        self.dtype, self._ids, self._nodes, self._initial = np.dtype(dtype), itertools.count(1), [], []
        self._channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
        self._service, self._tensors = SessionServiceStub(self._channel), TensorServiceStub(self._channel)
        self.name = self._call(self._service.CreateSession, sessions.CreateSessionRequest()).session.name
        self._exit = contextlib.ExitStack()
        self._exit.callback(self._channel.close)
        self._exit.callback(self._call, self._service.DeleteSession, sessions.DeleteSessionRequest(name=self.name))

    __enter__ = lambda self: self
    __exit__ = lambda self, *_: self._exit.close()

    def op(self, op, /, *inputs, **attributes):
        """A node. Inputs are values, numbers, arrays, or None for an optional one left out."""
        ids = [0 if i is None else i.id if isinstance(i, Value) else self.constant(i).id for i in inputs]
        node = graph.Node(id=next(self._ids), op=op, inputs=ids, attributes=[_attribute(*a) for a in attributes.items()])
        self._nodes.append(node)
        return Value(self, node.id)

    def input(self, *shape, name="", dtype=None):
        """An input: each dimension is a length, or the name of one that comes with the feed."""
        return self.op("Input", type=_type(shape, dtype or self.dtype), name=name)

    def variable(self, values, name=""):
        tensor = to_tensor(values, self.dtype)
        variable = self.op("Variable", type=_type(tensor.shape, self.dtype), name=name)
        self._initial.append(variables.VariableUpdate(variable=variable.id, tensor=tensor))
        return variable

    def constant(self, values):
        return self.op("Constant", value=to_tensor(values, None if isinstance(values, np.ndarray) else self.dtype))

    def text(self, source, **names):
        """A graph as text; keywords give its names their values."""
        result = Value(self, next(self._ids))
        source = "".join(f"{name} = ${value.id}\n" for name, value in names.items()) + source
        self._send("DefineNodes", sessions.DefineNodesRequest(text=graph.Expression(source=source, result=result.id)))
        return result

    def forward(self, *values, feeds=None):
        reply = self._send("Forward", execution.ForwardRequest(feeds=self._feeds(feeds), fetches=[gradient.Fetch(value=v.id) for v in values]))
        return [to_array(v.tensor) for v in reply.values]

    def backward(self, root, wrt=(), feeds=None, accumulate=False, as_handles=False):
        """The root's value and its gradients: arrays, handles, or None where no path leads. Accumulating returns none."""
        reply = self._send("Backward", execution.BackwardRequest(
            feeds=self._feeds(feeds), roots=[gradient.Root(value=root.id)], wrt=[v.id for v in wrt],
            fetches=[gradient.Fetch(value=root.id)], gradients_as_handles=as_handles,
            mode=execution.GRADIENT_MODE_ACCUMULATE if accumulate else execution.GRADIENT_MODE_RETURN))
        read = lambda g: None if g.absent else g.tensor.handle if as_handles else to_array(g.tensor)
        return to_array(reply.values[0].tensor), [read(g) for g in reply.gradients if not accumulate]

    def step(self, optimizer):
        """One optimizer step on what was accumulated, which is absent afterwards."""
        self._send("ApplyGradients", variables.ApplyGradientsRequest(optimizer=optimizer, zero_gradients=True))

    def train(self, root, data, optimizer, steps, **options):
        """The loop on the server: yields its reports, then its result. Options are the other fields of TrainRequest."""
        request = training.TrainRequest(data=self._feeds(data), roots=[gradient.Root(value=root.id)], optimizer=optimizer, steps=steps, **options)
        replies = self._send("Train", request)
        while reply := self._call(next, replies, None):
            yield getattr(reply, reply.WhichOneof("event"))

    def get(self, *values):
        reply = self._send("GetVariables", variables.GetVariablesRequest(variables=[v.id for v in values]))
        return [to_array(v.value) for v in reply.variables]

    def upload(self, values):
        """Moves an array in chunks; the handle may be fed in its place."""
        tensor = to_tensor(values)
        header = uploads.UploadTensorHeader(session=self.name, data_type=tensor.data_type, shape=tensor.shape)
        offsets = range(0, len(tensor.raw), CHUNK)
        chunks = (dict(chunk=tensors.TensorChunk(offset=o, data=tensor.raw[o:o + CHUNK])) for o in offsets)
        parts = (uploads.UploadTensorRequest(**part) for part in itertools.chain([dict(header=header)], chunks))
        return self._call(self._tensors.UploadTensor, parts).handle

    def download(self, handle):
        replies = self._tensors.DownloadTensor(uploads.DownloadTensorRequest(session=self.name, handle=handle))
        header, *chunks = self._call(list, replies)
        return to_array(tensors.Tensor(raw=b"".join(c.chunk.data for c in chunks), data_type=header.header.data_type, shape=header.header.shape))

    def answer(self, **functions):
        """Lets nodes of the op Custom call Python: name=(forward(*inputs), backward(inputs, outputs, cotangents)), in lists."""
        requests = queue.SimpleQueue()
        requests.put(sessions.InteractRequest(session=self.name, commands=[sessions.SessionCommand(define_nodes={})]))
        results = (result for reply in self._service.Interact(iter(requests.get, None)) for result in reply.results)
        self._call(next, results)  # The stream owns the session now.

        def serve():
            for asked in (result.callout for result in results):
                inputs, outputs, cotangents = ([to_array(t) for t in ts] for ts in (asked.inputs, asked.outputs, asked.cotangents))
                try:
                    forward, backward = functions[asked.name]
                    values = forward(*inputs) if asked.phase == callouts.CALLOUT_PHASE_FORWARD else backward(inputs, outputs, cotangents)
                    answer = dict(values=[callouts.CalloutValue(tensor=to_tensor(v)) for v in values])
                except Exception as e:  # What fails here fails the command, and is told there.
                    answer = dict(error=Status(code=grpc.StatusCode.UNKNOWN.value[0], message=repr(e)))
                reply = callouts.CalloutReply(callout=asked.callout, **answer)
                requests.put(sessions.InteractRequest(commands=[sessions.SessionCommand(callout_reply=reply)]))
        self._exit.enter_context(ThreadPoolExecutor(1)).submit(serve)
        self._exit.callback(requests.put, None)

    def _feeds(self, feeds):
        return [gradient.Feed(node=v.id, tensor=tensors.Tensor(handle=a) if isinstance(a, str) else to_tensor(a, self.dtype))
                for v, a in (feeds or {}).items()]

    def _send(self, rpc, request):
        """Sends what waits, then the request."""
        nodes, initial, self._nodes, self._initial = self._nodes, self._initial, [], []
        if nodes:
            self._call(self._service.DefineNodes, sessions.DefineNodesRequest(session=self.name, nodes=nodes))
        if initial:
            self._call(self._service.SetVariables, variables.SetVariablesRequest(session=self.name, updates=initial))
        request.session = self.name
        return self._call(getattr(self._service, rpc), request)

    @staticmethod
    def _call(method, *arguments):
        try:
            return method(*arguments)
        except grpc.RpcError as error:
            raise GradientsError(error) from error


def _type(shape, dtype):
    dimensions = [tensors.Dimension(**{"symbol" if isinstance(d, str) else "size": d}) for d in shape]
    return tensors.TensorType(data_type=DATA_TYPES[np.dtype(dtype)], dimensions=dimensions)


def _attribute(name, value):
    kinds = {int: "int_value", float: "float_value", str: "string_value", tensors.Tensor: "tensor", tensors.TensorType: "type"}
    return graph.Attribute(name=name, **{kinds[type(value)]: value})
