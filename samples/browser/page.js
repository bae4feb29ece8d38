import { Gradients, numbers, tensor } from "./gradients.js";

const parameters = new URLSearchParams(location.search);
const gradients = new Gradients(parameters.get("server") ?? "http://127.0.0.1:50080", parameters.get("key"));
const result = document.getElementById("result");

// What the ids stand for: the names of the text.
const scalar = { dataType: "DATA_TYPE_FLOAT64" }, vector = { ...scalar, dimensions: [{ size: 3 }] };
const text = {
  source: "mean((w*x + b - y)**2)",
  result: 5,
  bindings: [
    { name: "w", value: 1, type: scalar, variable: true },
    { name: "b", value: 2, type: scalar, variable: true },
    { name: "x", value: 3, type: vector },
    { name: "y", value: 4, type: vector },
  ],
};
const data = [{ node: 3, tensor: tensor([1, 2, 3]) }, { node: 4, tensor: tensor([6, 9, 12]) }];

// Stateless: loss and gradients at w = 2, b = 1.
async function evaluate() {
  const reply = await gradients.post("/v1:evaluate", {
    graph: { text },
    feeds: [...data, { node: 1, tensor: tensor(2) }, { node: 2, tensor: tensor(1) }],
    fetches: [{ value: 5 }],
    roots: [{ value: 5 }],
    wrt: [1, 2],
    tensorFormat: "TENSOR_FORMAT_VALUES",
  });
  const [dw, db] = reply.gradients.map(g => numbers(g.tensor)[0]);
  return { loss: numbers(reply.values[0].tensor)[0], dw, db };
}

// In a session: 400 steps of gradient descent towards y = 3 x + 3.
async function train() {
  const { session: { name } } = await gradients.post("/v1/sessions", { label: "browser" });
  const command = (verb, message) => gradients.post(`/v1/${name}:${verb}`, message);
  try {
    await command("defineNodes", { text });
    await command("setVariables", { updates: [{ variable: 1, tensor: tensor(2) }, { variable: 2, tensor: tensor(1) }] });
    for (let step = 0; step < 400; step++) {
      await command("backward", { feeds: data, roots: [{ value: 5 }], mode: "GRADIENT_MODE_ACCUMULATE" });
      await command("applyGradients", { optimizer: { sgd: { learningRate: 0.1 } }, zeroGradients: true });
    }
    const state = await gradients.call("GET", `/v1/${name}/variables?tensorFormat=TENSOR_FORMAT_VALUES`);
    const [w, b] = state.variables.map(v => numbers(v.value)[0]);
    return { w, b };
  } finally {
    await gradients.call("DELETE", `/v1/${name}`);
  }
}

// The version, field 1 of GetServerInfo's reply, by gRPC-Web.
async function version() {
  const reply = await gradients.rpc("/gradients.v1.ServerService/GetServerInfo");
  return new TextDecoder().decode(reply.slice(2, 2 + reply[1]));
}

// A refusal, with its reason.
async function refusal() {
  try {
    await gradients.post("/v1:evaluate", { graph: { text: { source: "1 +", result: 1 } } });
  } catch (error) {
    return error.reason;
  }
}

try {
  result.textContent = JSON.stringify({ evaluated: await evaluate(), trained: await train(), version: await version(), refused: await refusal() });
} catch (error) {
  result.textContent = JSON.stringify({ failed: `${error.reason ?? error.name}: ${error.message}` });
}
