"""What a Gradients server does, from Python. Usage: tour.py HOST:PORT (run.sh makes the stubs first)."""
import sys

import numpy as np
from gradients_numpy import GradientsError, Session
from gradients.v1.optimizer_pb2 import Adam, Optimizer, Sgd


def linear_regression(session):
    x, y = session.input(3), session.input(3)
    w, b = session.variable(2.0), session.variable(1.0)
    loss = ((w * x + b - y) ** 2).mean()
    feeds = {x: [1, 2, 3], y: [6, 9, 12]}

    value, (dw, db) = session.backward(loss, [w, b], feeds)
    print(f"linear regression: loss {value:.6f}, dw {dw:.6f}, db {db:.6f}")
    for _ in range(200):
        session.backward(loss, [w, b], feeds, accumulate=True)
        session.step(Optimizer(sgd=Sgd(learning_rate=0.1)))
    print("after 200 steps: w {:.6f}, b {:.6f}".format(*session.get(w, b)))


def perceptron(session):
    """A network learns exclusive or: the loop runs on the server, in slices of two rows."""
    x, y = session.input("rows", 2), session.input("rows", 1)
    w1, b1 = session.variable([[0.5, -0.5, 0.25, 1], [-0.25, 0.75, 0.5, -1]]), session.variable([0, 0, 0, 0])
    w2, b2 = session.variable([[0.5], [-0.5], [0.25], [0.75]]), session.variable([0])
    loss = session.text("mean((tanh(x @ w1 + b1) @ w2 + b2 - y)**2)", x=x, y=y, w1=w1, b1=b1, w2=w2, b2=b2)
    data = {x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [[0], [1], [1], [0]]}

    (before,) = session.forward(loss, feeds=data)
    *_, result = session.train(loss, data, Optimizer(adam=Adam(learning_rate=0.05)), steps=100, batch_size=2)
    (after,) = session.forward(loss, feeds=data)
    print(f"perceptron: loss {before:.6f}, after {result.steps} steps on the server {after:.6f}")


def chunked_tensor(session):
    """16 MB up, used where they are, and their gradient back: that of sum(x²)/2 is x."""
    values = np.arange(1 << 21, dtype=np.float64) % 1000
    x = session.input("n")
    energy, (gradient,) = session.backward((x * x).sum() / 2, [x], {x: session.upload(values)}, as_handles=True)
    same = np.array_equal(session.download(gradient), values)
    print(f"chunked tensor: {values.nbytes} bytes, energy {energy:.1f}, gradient {'equal' if same else 'different'}")


def custom_gradient(session):
    """A ReLU whose derivative at 0 is 1: the function carries its gradient as data."""
    x = session.input(3)
    own = session.text("""
        def slope(x, g) { return where(x < 0, 0, g) }
        def ramp(x) gradient slope(x) { return relu(x) }
        sum(ramp(x))""", x=x)
    _, (gradient,) = session.backward(own, [x], {x: [-1, 0, 2]})
    _, (builtin,) = session.backward(session.op("Relu", x).sum(), [x], {x: [-1, 0, 2]})
    print("custom gradient: {:g} {:g} {:g}, built-in {:g} {:g} {:g}".format(*gradient, *builtin))


def errors(session):
    try:
        session.forward(session.constant([1, 2]) + session.constant([1, 2, 3]))
    except GradientsError as e:
        print(f"error: {e.reason}, op {e.metadata['op']}, shapes {e.metadata['shapes']}")
    try:
        session.step(Optimizer(sgd=Sgd(learning_rate=-1)))
    except GradientsError as e:
        print(f"error: {e.reason}, fields {', '.join(e.fields)}")


def callout(session):
    """A table that only the client has: the server asks for the values between its entries, and for their slopes."""
    table = np.array([0.0, 1, 4, 9])
    forward = lambda x: [np.interp(x, range(4), table)]
    backward = lambda inputs, outputs, cotangents: [cotangents[0] * np.diff(table)[inputs[0].astype(int)]]
    session.answer(table=(forward, backward))
    x = session.input(2)
    y = session.op("Custom", x, name="table")
    feeds = {x: [0.5, 2.25]}
    (values,) = session.forward(y, feeds=feeds)
    _, (gradient,) = session.backward(y.sum(), [x], feeds)
    print("call-out: values {:g} {:g}, gradient {:g} {:g}".format(*values, *gradient))


for part in linear_regression, perceptron, chunked_tensor, custom_gradient, errors, callout:
    with Session(sys.argv[1]) as session:
        part(session)
