"""Expected values of the network chapter, Linear(10, 5)-Relu-Linear(5, 1) with the mean squared error, from PyTorch in float64.

Usage: /usr/bin/python3 expected_mlp.py   (Debian: python3-torch)

Every tensor is a formula of its flat index i = 0, 1, 2, …, with no random numbers:
  x  [4, 10] = sin(0.3 i)          y  [4, 1] = i / 2 - 1
  w1 [5, 10] = 0.4 cos(0.7 i)      b1 [5] = 0.1 i - 0.2
  w2 [1, 5]  = 0.5 - 0.2 i         b2 [1] = 0.05
"""
import torch

torch.set_default_dtype(torch.float64)


def tensor(shape, formula):
    n = torch.Size(shape).numel()
    return formula(torch.arange(n, dtype=torch.float64)).reshape(shape).requires_grad_()


x = tensor([4, 10], lambda i: torch.sin(0.3 * i)).detach()
y = tensor([4, 1], lambda i: i / 2 - 1).detach()
w1 = tensor([5, 10], lambda i: 0.4 * torch.cos(0.7 * i))
b1 = tensor([5], lambda i: 0.1 * i - 0.2)
w2 = tensor([1, 5], lambda i: 0.5 - 0.2 * i)
b2 = tensor([1], lambda i: 0 * i + 0.05)

hidden = torch.nn.functional.linear(x, w1, b1)
loss = torch.nn.functional.mse_loss(torch.nn.functional.linear(torch.relu(hidden), w2, b2), y)
loss.backward()

print("smallest distance of a hidden value from the kink:", hidden.abs().min().item())
print("hidden values above 0:", int((hidden > 0).sum()), "of", hidden.numel())
for name, value in (("loss", loss), ("dw1 row 0", w1.grad[0]), ("norm of dw1", w1.grad.norm()), ("db1", b1.grad), ("dw2", w2.grad), ("db2", b2.grad)):
    print(name, [float(f"{v:.10g}") for v in value.detach().flatten().tolist()])
