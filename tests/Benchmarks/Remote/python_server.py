# The plainest gRPC server around PyTorch, as one writes it first: Debian's python3-torch and python3-grpcio.
# Usage: python_server.py SIZE SIZE ...: linear layers of these sizes with Relu between them; the loss is the mean squared error
# for one output, else the softmax cross entropy. Prints its port, and ends with standard input.
import sys
from concurrent import futures

import grpc
import torch
from google.protobuf.wrappers_pb2 import BytesValue

torch.set_num_threads(1)
sizes = [int(size) for size in sys.argv[1:]]
layers = [torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
parameters = [p for layer in layers for p in (layer.weight, layer.bias)]


def loss_of(message):
    """The features in float32, then the targets: float32 for one output, else classes in int64."""
    width = 4 * sizes[0] + (4 if sizes[-1] == 1 else 8)
    batch = len(message) // width
    data = bytearray(message)
    x = torch.frombuffer(data, dtype=torch.float32, count=batch * sizes[0]).reshape(batch, sizes[0])
    for layer in layers[:-1]:
        x = torch.relu(layer(x))
    x = layers[-1](x)
    if sizes[-1] == 1:
        return torch.nn.functional.mse_loss(x, torch.frombuffer(data, dtype=torch.float32, offset=4 * batch * sizes[0]).reshape(batch, 1))
    return torch.nn.functional.cross_entropy(x, torch.frombuffer(data, dtype=torch.int64, offset=4 * batch * sizes[0]))


def load(request, context):
    values, offset = torch.frombuffer(bytearray(request.value), dtype=torch.float32), 0
    with torch.no_grad():
        for p in parameters:
            p.copy_(values[offset:offset + p.numel()].reshape(p.shape))
            offset += p.numel()
    return BytesValue()


def backward(request, context):
    """The loss, then the gradients."""
    loss = loss_of(request.value)
    gradients = torch.autograd.grad(loss, parameters)
    return BytesValue(value=torch.cat([loss.detach().reshape(1)] + [g.reshape(-1) for g in gradients]).numpy().tobytes())


def accumulate(request, context):
    """The loss, then the norm of what is accumulated."""
    loss = loss_of(request.value)
    loss.backward()
    norm = torch.sqrt(sum(p.grad.square().sum() for p in parameters))
    return BytesValue(value=torch.stack([loss.detach(), norm]).numpy().tobytes())


handlers = {f.__name__: grpc.unary_unary_rpc_method_handler(f, BytesValue.FromString, BytesValue.SerializeToString) for f in (load, backward, accumulate)}
server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("plain.Steps", handlers)])
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
sys.stdin.read()
server.stop(None)
