"""Writes training_reference.json: losses and final parameters of a small network's training loops in float64.

Run with the python3 of a distribution that has PyTorch 1.13 (Debian: python3-torch).
Floats are written as Python's shortest round-trip decimals.
"""
import json
import pathlib

import torch

ROWS, BATCH, STEPS = 11, 4, 12

# Exact in binary, so that both sides start from the same numbers.
X = torch.tensor([[((r * 5 + c * 3) % 16 - 8) / 8 for c in range(3)] for r in range(ROWS)], dtype=torch.float64)
Y = torch.tensor([[((r * 7) % 8 - 4) / 4] for r in range(ROWS)], dtype=torch.float64)


def parameter(seed, *shape):
    count = torch.Size(shape).numel()
    values = [((i * 11 + seed) % 16 - 8) / 16 for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()


def train(kind, settings, micro_batches, keep_remainder):
    parameters = [parameter(1, 5, 3), parameter(2, 5), parameter(3, 1, 5), parameter(4, 1)]
    w1, b1, w2, b2 = parameters
    optimizer = kind(parameters, **settings)
    epoch = [range(i, min(i + BATCH, ROWS)) for i in range(0, ROWS if keep_remainder else ROWS - BATCH + 1, BATCH)]
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        total = 0
        for part in range(micro_batches):
            rows = epoch[(step * micro_batches + part) % len(epoch)]
            hidden = torch.tanh(X[rows] @ w1.T + b1)
            loss = torch.nn.functional.mse_loss(hidden @ w2.T + b2, Y[rows])
            (loss / micro_batches).backward()
            total += loss.item()
        losses.append(total / micro_batches)
        optimizer.step()
    return {"losses": losses, "parameters": [p.flatten().tolist() for p in parameters]}


reference = {
    "sgd": train(torch.optim.SGD, dict(lr=0.1), 1, False),
    "momentum-micro": train(torch.optim.SGD, dict(lr=0.05, momentum=0.9), 3, False),
    "adam-remainder": train(torch.optim.Adam, dict(lr=0.02), 2, True),
    "adamw": train(torch.optim.AdamW, dict(lr=0.02, weight_decay=0.1), 1, True),
}
path = pathlib.Path(__file__).with_name("training_reference.json")
path.write_text(json.dumps({"torch": torch.__version__, "runs": reference}) + "\n")
