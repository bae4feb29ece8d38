"""Writes goldens.json: values, gradients and second derivatives from PyTorch 1.13 (Debian python3-torch) in float64.

Run with the distribution's python3: /usr/bin/python3 write_goldens.py > goldens.json

A case holds op, attributes, inputs, the cotangent u, the output y, gradients of <u, y> and, where the op is not linear,
gradients of <v, gradient> summed over the inputs, for the vectors v.
"""
import json

import torch
import torch.nn.functional as F

torch.manual_seed(3)
D = torch.float64
cases = []


def values(t):
    return {"shape": list(t.shape), "type": {D: "float64", torch.int64: "int64"}[t.dtype], "values": t.detach().reshape(-1).tolist()}


def case(name, op, f, inputs, attributes=None, second=True):
    """f takes the inputs as given; gradients are taken for the floating ones."""
    xs = [x.clone().requires_grad_() if x is not None and x.dtype == D else x for x in inputs]
    wrt = [x for x in xs if x is not None and x.dtype == D]
    y = f(*xs)
    u = torch.randn_like(y)
    gradients = torch.autograd.grad(y, wrt, u, create_graph=second)
    record = {"name": name, "op": op, "attributes": attributes or {}, "inputs": [None if x is None else values(x) for x in xs],
              "cotangent": values(u), "output": values(y), "gradients": [values(g) for g in gradients]}
    if second:
        vs = [torch.randn_like(x) for x in wrt]
        total = sum((g * v).sum() for g, v in zip(gradients, vs))
        seconds = torch.autograd.grad(total, wrt, allow_unused=True)
        record["vectors"] = [values(v) for v in vs]
        record["second"] = [values(torch.zeros_like(x) if s is None else s) for s, x in zip(seconds, wrt)]
    cases.append(record)


def r(*shape):
    return torch.randn(*shape, dtype=D)


def i(*entries):
    return torch.tensor(entries, dtype=torch.int64)


for name in ["tanh", "sigmoid", "exp", "erf", "softplus"]:
    case(name, name.capitalize(), getattr(F, name, None) if name == "softplus" else getattr(torch, name), [r(7) * 2])
case("sqrt", "Sqrt", torch.sqrt, [r(5).abs() + 0.1])
case("log", "Log", torch.log, [r(5).abs() + 0.1])
case("gelu", "Gelu", F.gelu, [r(9) * 3])
case("gelu tanh", "Gelu", lambda x: F.gelu(x, approximate="tanh"), [r(9) * 3], {"approximate": "tanh"})
case("pow", "Pow", torch.pow, [r(2, 3).abs() + 0.2, r(3)])
case("div broadcast", "Div", torch.div, [r(2, 3), r(2, 1) + 4])
for axis in [0, 1, -1]:
    case(f"softmax {axis}", "Softmax", lambda x: F.softmax(x, axis), [r(2, 3, 4)], {"axis": axis})
    case(f"log softmax {axis}", "LogSoftmax", lambda x: F.log_softmax(x, axis), [r(2, 3, 4)], {"axis": axis})
case("matmul", "MatMul", torch.matmul, [r(3, 4), r(4, 2)])
case("matmul batches", "MatMul", torch.matmul, [r(2, 1, 3, 4), r(3, 4, 2)])
case("matmul vector", "MatMul", torch.matmul, [r(4), r(3, 4, 2)])
case("gather", "Gather", lambda x, j: torch.index_select(x, 1, j), [r(2, 5, 3), i(4, 0, 0, 2)], {"axis": 1}, second=False)
case("slice", "Slice", lambda x, a, b, d, s: x[1:7:2], [r(8, 2), i(1), i(7), i(0), i(2)], second=False)
case("sum", "ReduceSum", lambda x: x.sum((0, 2), keepdim=True), [r(2, 3, 4)], {"axes": [0, 2]}, second=False)
case("mean", "ReduceMean", lambda x: x.mean((1,)), [r(2, 3, 4)], {"axes": [1], "keepdims": 0}, second=False)
case("max with ties", "ReduceMax", lambda x: x.amax((1,), keepdim=True), [torch.tensor([[1, 3, 3], [2, 2, 2]], dtype=D)], {"axes": [1]}, second=False)
case("log sum exp", "ReduceLogSumExp", lambda x: torch.logsumexp(x, (0, 2), keepdim=True), [r(2, 3, 4) * 5], {"axes": [0, 2]})
for reduction in ["mean", "sum", "none"]:
    a = {"reduction": reduction}
    case(f"mse {reduction}", "MeanSquaredError", lambda x, y: F.mse_loss(x, y, reduction=reduction), [r(3, 2), r(3, 2)], a)
    case(f"bce {reduction}", "BinaryCrossEntropyWithLogits", lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction=reduction), [r(3, 2) * 3, torch.rand(3, 2, dtype=D)], a)
    for smoothing in [0.0, 0.15]:
        s = {**a, "label_smoothing": smoothing}
        case(f"cross entropy {reduction} {smoothing}", "SoftmaxCrossEntropy", lambda x, t: F.cross_entropy(x, t, reduction=reduction, label_smoothing=smoothing), [r(4, 3), i(2, 0, -100, 1)], s)
        w = torch.tensor([0.5, 1.0, 2.5], dtype=D)
        images = torch.tensor([[[0, 1], [2, 9]], [[1, 1], [9, 0]]])
        case(f"cross entropy of images {reduction} {smoothing}", "SoftmaxCrossEntropy", lambda x, t: F.cross_entropy(x, t, ignore_index=9, reduction=reduction, label_smoothing=smoothing), [r(2, 3, 2, 2), images], {**s, "ignore_index": 9})
        x = r(4, 3).requires_grad_()
        t = i(2, 0, -100, 1)
        y = F.cross_entropy(x, t, weight=w, reduction=reduction, label_smoothing=smoothing)
        cases.append({"name": f"weighted cross entropy {reduction} {smoothing}", "op": "SoftmaxCrossEntropy", "attributes": s, "inputs": [values(x), values(t), values(w)],
                      "cotangent": values(torch.ones_like(y)), "output": values(y), "gradients": [values(torch.autograd.grad(y.sum(), x)[0])]})

case("conv", "Conv", F.conv2d, [r(2, 3, 5, 6), r(4, 3, 3, 2), r(4)])
case("conv 1-d", "Conv", lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=2, dilation=3), [r(2, 3, 9), r(4, 3, 3), r(4)], {"strides": [2], "pads": [2, 2], "dilations": [3]})
case("conv strided and dilated", "Conv", lambda x, w: F.conv2d(x, w, stride=(2, 3), padding=(1, 2), dilation=(2, 1)), [r(1, 2, 7, 8), r(3, 2, 2, 3)], {"strides": [2, 3], "pads": [1, 2, 1, 2], "dilations": [2, 1]})
case("conv asymmetric pads", "Conv", lambda x, w: F.conv2d(F.pad(x, (3, 0, 1, 2)), w), [r(1, 2, 4, 3), r(2, 2, 3, 3)], {"pads": [1, 3, 2, 0]})
case("conv groups", "Conv", lambda x, w: F.conv2d(x, w, padding=1, groups=2), [r(2, 4, 4, 4), r(6, 2, 3, 3)], {"group": 2, "pads": [1, 1, 1, 1]})
case("conv depthwise", "Conv", lambda x, w: F.conv2d(x, w, stride=2, padding=1, groups=3), [r(2, 3, 5, 5), r(3, 1, 3, 3)], {"group": 3, "strides": [2, 2], "pads": [1, 1, 1, 1]})
case("max pool", "MaxPool", lambda x: F.max_pool2d(x, (3, 2), stride=(2, 1), padding=(1, 0)), [r(2, 2, 6, 5)], {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 0]}, second=False)
case("max pool with ties", "MaxPool", lambda x: F.max_pool2d(x, 2, stride=1), [torch.tensor([[[[1, 1, 0], [1, 1, 2], [2, 2, 2]]]], dtype=D)], {"kernel_shape": [2, 2]}, second=False)
case("max pool ceil and dilated", "MaxPool", lambda x: F.max_pool1d(x, 2, stride=3, padding=1, dilation=2, ceil_mode=True), [r(1, 2, 9)], {"kernel_shape": [2], "strides": [3], "pads": [1, 1], "dilations": [2], "ceil_mode": 1}, second=False)
for counted in [0, 1]:
    for ceil in [0, 1]:
        case(f"average pool {counted} {ceil}", "AveragePool", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, ceil_mode=bool(ceil), count_include_pad=bool(counted)), [r(1, 2, 6, 5)],
             {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": ceil, "count_include_pad": counted}, second=False)
case("global average pool", "GlobalAveragePool", lambda x: F.adaptive_avg_pool2d(x, 1), [r(2, 3, 4, 5)], second=False)
case("global max pool", "GlobalMaxPool", lambda x: F.adaptive_max_pool2d(x, 1), [r(2, 3, 4, 5)], second=False)


def attention(q, k, v, mask=None, scale=None, causal=False):
    s = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        s = s + mask
    if causal:
        s = s.masked_fill(torch.ones(s.shape[-2:], dtype=torch.bool).triu(1), -torch.inf)
    return torch.softmax(s, -1) @ v


case("attention", "Attention", attention, [r(2, 2, 3, 4), r(2, 2, 5, 4), r(2, 2, 5, 3)])
case("attention masked", "Attention", attention, [r(1, 2, 3, 4), r(1, 2, 3, 4), r(1, 2, 3, 4), r(2, 1, 3)])
case("attention causal", "Attention", lambda q, k, v: attention(q, k, v, scale=0.25, causal=True), [r(1, 2, 4, 3), r(1, 2, 4, 3), r(1, 2, 4, 2)], {"is_causal": 1, "scale": 0.25})
case("layer norm", "LayerNormalization", lambda x, s, b: F.layer_norm(x, (5,), s, b), [r(3, 5), r(5), r(5)])
case("layer norm of two axes", "LayerNormalization", lambda x, s, b: F.layer_norm(x, (3, 4), s, b, 1e-2), [r(2, 3, 4) + 3, r(3, 4), r(3, 4)], {"axis": 1, "epsilon": 1e-2})
case("layer norm of a long row", "LayerNormalization", lambda x, s: F.layer_norm(x, (37,), s), [r(2, 37), r(37)])
case("rms norm", "RMSNormalization", lambda x, s: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * s, [r(3, 19), r(19)])
case("softmax of a long row", "Softmax", lambda x: F.softmax(x, -1), [r(2, 41) * 3], {"axis": -1})

print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")
