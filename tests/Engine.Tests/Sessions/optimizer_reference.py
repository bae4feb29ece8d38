"""Writes optimizer_reference.json: parameters after each of 20 steps in float64.

Run with the python3 of a distribution that has PyTorch 1.13 (Debian: python3-torch).
Floats are written as Python's shortest round-trip decimals.
"""
import json
import pathlib

import torch

STEPS = 20
CASES = {
    "sgd": (torch.optim.SGD, dict(lr=0.1)),
    "sgd-decay": (torch.optim.SGD, dict(lr=0.1, weight_decay=0.05)),
    "sgd-momentum": (torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    "sgd-dampening": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, dampening=0.3)),
    "sgd-nesterov-decay": (torch.optim.SGD, dict(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01)),
    "adam": (torch.optim.Adam, dict(lr=0.05)),
    "adam-decay": (torch.optim.Adam, dict(lr=0.05, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1)),
    "adamw": (torch.optim.AdamW, dict(lr=0.05, weight_decay=0.1)),
}


def gradient(step):
    """What the test feeds as cotangent at a step: exact in binary."""
    return torch.tensor([((step * 7 + i * 5) % 16 - 7) / 8 for i in range(4)], dtype=torch.float64)


def trajectory(kind, settings):
    parameter = torch.tensor([0.5, -1.25, 2.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = kind([parameter], **settings)
    values = []
    for step in range(STEPS):
        parameter.grad = gradient(step)
        optimizer.step()
        values.append(parameter.tolist())
    return values


reference = {name: trajectory(*case) for name, case in CASES.items()}
path = pathlib.Path(__file__).with_name("optimizer_reference.json")
path.write_text(json.dumps({"torch": torch.__version__, "trajectories": reference}) + "\n")
