// What a Gradients server does, from Node. Usage: node tour.js HOST:PORT (after npm install).
import { GradientsError, Session, tensor } from "./gradients.js";

async function linearRegression(session) {
  const [x, y] = [session.input([3]), session.input([3])];
  const [w, b] = [session.variable(2), session.variable(1)];
  const loss = await session.text("mean((w*x + b - y)**2)", { w, b, x, y });
  const feeds = [[x, Float64Array.of(1, 2, 3)], [y, Float64Array.of(6, 9, 12)]];

  const { value, gradients: [dw, db] } = await session.backward(loss, [w, b], feeds);
  console.log(`linear regression: loss ${fixed(value)}, dw ${fixed(dw)}, db ${fixed(db)}`);
  for (let step = 0; step < 200; step++) {
    await session.backward(loss, [w, b], feeds, { accumulate: true });
    await session.step({ sgd: { learningRate: 0.1 } });
  }
  const [trainedW, trainedB] = await session.get(w, b);
  console.log(`after 200 steps: w ${fixed(trainedW)}, b ${fixed(trainedB)}`);
}

/** A network learns exclusive or: the loop runs on the server, in slices of two rows. */
async function perceptron(session) {
  const [x, y] = [session.input(["rows", 2]), session.input(["rows", 1])];
  const w1 = session.variable(Float64Array.of(0.5, -0.5, 0.25, 1, -0.25, 0.75, 0.5, -1), [2, 4]);
  const b1 = session.variable(new Float64Array(4));
  const w2 = session.variable(Float64Array.of(0.5, -0.5, 0.25, 0.75), [4, 1]);
  const b2 = session.variable(new Float64Array(1));
  const loss = await session.text("mean((tanh(x @ w1 + b1) @ w2 + b2 - y)**2)", { x, y, w1, b1, w2, b2 });
  const data = [[x, tensor(Float64Array.of(0, 0, 0, 1, 1, 0, 1, 1), [4, 2])], [y, tensor(Float64Array.of(0, 1, 1, 0), [4, 1])]];

  const [before] = await session.forward([loss], data);
  const optimizer = { adam: { learningRate: 0.05 } };
  let applied;
  for await (const { result } of session.train({ data, batchSize: 2, roots: [{ value: loss }], optimizer, steps: 100 }))
    applied = result?.steps;
  const [after] = await session.forward([loss], data);
  console.log(`perceptron: loss ${fixed(before)}, after ${applied} steps on the server ${fixed(after)}`);
}

/** 16 MB up, used where they are, and their gradient back: that of sum(x²)/2 is x. */
async function chunkedTensor(session) {
  const values = Float64Array.from({ length: 1 << 21 }, (_, i) => i % 1000);
  const x = session.input(["n"]);
  const energy = await session.text("sum(x*x) / 2", { x });
  const { value, gradients: [gradient] } = await session.backward(energy, [x], [[x, await session.upload(values)]], { asHandles: true });
  const back = await session.download(gradient);
  const same = back.length === values.length && back.every((v, i) => Object.is(v, values[i]));
  console.log(`chunked tensor: ${values.byteLength} bytes, energy ${value[0].toFixed(1)}, gradient ${same ? "equal" : "different"}`);
}

/** A ReLU whose derivative at 0 is 1: the function carries its gradient as data. */
async function customGradient(session) {
  const x = session.input([3]), feeds = [[x, Float64Array.of(-1, 0, 2)]];
  const own = await session.text(`
    def slope(x, g) { return where(x < 0, 0, g) }
    def ramp(x) gradient slope(x) { return relu(x) }
    sum(ramp(x))`, { x });
  const builtin = await session.text("sum(relu(x))", { x });
  const [a, b] = [await session.backward(own, [x], feeds), await session.backward(builtin, [x], feeds)];
  console.log(`custom gradient: ${a.gradients[0].join(" ")}, built-in ${b.gradients[0].join(" ")}`);
}

/** An error tells a reason that stays the same, what it applies to, and the fields at fault. */
async function errors(session) {
  const [a, b] = [session.constant(Float64Array.of(1, 2)), session.constant(Float64Array.of(1, 2, 3))];
  const shapes = await refusal(session.forward([session.op("Add", [a, b])]));
  console.log(`error: ${shapes.reason}, op ${shapes.metadata.op}, shapes ${shapes.metadata.shapes}`);
  const setting = await refusal(session.step({ sgd: { learningRate: -1 } }));
  console.log(`error: ${setting.reason}, fields ${setting.fields.join(", ")}`);
}

async function refusal(call) {
  try {
    await call;
  } catch (e) {
    if (e instanceof GradientsError) return e;
    throw e;
  }
  throw new Error("It was accepted.");
}

const fixed = array => array[0].toFixed(6);

for (const part of [linearRegression, perceptron, chunkedTensor, customGradient, errors]) {
  const session = await Session.open(process.argv[2]);
  try {
    await part(session);
  } finally {
    await session.close();
  }
}
