// A Gradients session for Node: typed arrays in and out. The stubs are made from the .proto files as the program starts.
//
//   const session = await Session.open("127.0.0.1:50051");
//   const x = session.input([3]), w = session.variable(new Float64Array([2, 1, 0]));
//   const loss = session.text("mean((w*x)**2)", { w, x });
//   const { value, gradients: [dw] } = await session.backward(loss, [w], [[x, new Float64Array([1, 2, 3])]]);
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const protos = fileURLToPath(new URL("../../protos", import.meta.url));
const names = ["session_service", "tensor_service", "evaluation_service", "server_service"];
export const definitions = loader.loadSync([...names.map(n => `gradients/v1/${n}.proto`), "google/rpc/error_details.proto"], {
  includeDirs: [protos, `${protos}/third_party`], longs: Number, enums: String, oneofs: true, defaults: true,
});
export const { gradients: { v1 } } = grpc.loadPackageDefinition(definitions);

const CHUNK = 1 << 20;
const TYPES = {
  DATA_TYPE_FLOAT32: Float32Array, DATA_TYPE_FLOAT64: Float64Array, DATA_TYPE_INT64: BigInt64Array, DATA_TYPE_BOOL: Uint8Array,
};

/** What the server refused: a stable reason, what it applies to, and the fields at fault. */
export class GradientsError extends Error {
  constructor(status) {
    super(status.message);
    this.code = grpc.status[status.code];
    for (const { type_url, value } of status.details) {
      const name = type_url.slice(type_url.indexOf("/") + 1);
      const detail = definitions[name]?.deserialize(value);
      if (name === "google.rpc.ErrorInfo") Object.assign(this, { reason: detail.reason, metadata: detail.metadata });
      if (name === "google.rpc.BadRequest") this.fields = detail.fieldViolations.map(v => v.field);
    }
  }

  /** The error behind a failed call; the call's own where the server said nothing (no connection, a deadline). */
  static of(error) {
    const [details] = error.metadata?.get("grpc-status-details-bin") ?? [];
    return details ? new GradientsError(definitions["google.rpc.Status"].deserialize(details)) : error;
  }
}

/** An array with its shape; a flat array has one dimension, a number none. */
export function tensor(values, shape) {
  const array = typeof values === "number" ? Float64Array.of(values) : values;
  const dataType = Object.keys(TYPES).find(t => array instanceof TYPES[t]);
  if (!dataType) throw new TypeError("A tensor is a number, or a Float32Array, Float64Array, BigInt64Array or Uint8Array (bool).");
  const raw = Buffer.from(array.buffer, array.byteOffset, array.byteLength); // little-endian, as all that Node runs on
  return { dataType, shape: shape ?? (typeof values === "number" ? [] : [array.length]), raw };
}

/** The elements of a tensor; its bytes are copied, because a message's bytes need not be aligned. */
export function elements({ dataType, raw }) {
  return new TYPES[dataType](raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
}

/** A session on the server. Nodes wait here until a request needs them, so that defining costs no round trips. */
export class Session {
  #ids = 0;
  #nodes = [];
  #initial = [];
  #channel;
  #service;
  #tensors;

  static async open(address, credentials = grpc.credentials.createInsecure()) {
    const session = new Session();
    session.#service = new v1.SessionService(address, credentials);
    session.#channel = session.#service.getChannel();
    session.#tensors = new v1.TensorService(address, credentials, { channelOverride: session.#channel });
    session.name = (await session.#call("createSession", {})).session.name;
    return session;
  }

  async close() {
    await this.#call("deleteSession", { name: this.name });
    this.#channel.close();
  }

  /** A node and the id of its value. Attributes are given with their kind: { name: "keepdims", intValue: 0 }. */
  op(op, inputs, ...attributes) {
    const id = ++this.#ids;
    this.#nodes.push({ id, op, inputs, attributes });
    return id;
  }

  /** An input: each dimension is a length, or the name of one that comes with the feed. */
  input(dimensions, dataType = "DATA_TYPE_FLOAT64") {
    return this.op("Input", [], { name: "type", type: type(dataType, dimensions) });
  }

  variable(values, shape) {
    const value = tensor(values, shape);
    const id = this.op("Variable", [], { name: "type", type: type(value.dataType, value.shape) });
    this.#initial.push({ variable: id, tensor: value });
    return id;
  }

  constant(values, shape) {
    return this.op("Constant", [], { name: "value", tensor: tensor(values, shape) });
  }

  /** A graph as text; `names` gives its names their values. It is sent with the next request. */
  async text(source, names = {}) {
    const result = ++this.#ids;
    const bound = Object.entries(names).map(([name, id]) => `${name} = $${id}\n`).join("");
    await this.send("defineNodes", { text: { source: bound + source, result } });
    return result;
  }

  async forward(values, feeds = []) {
    const reply = await this.send("forward", { feeds: feeds.map(feed), fetches: values.map(value => ({ value })) });
    return reply.values.map(v => elements(v.tensor));
  }

  /** The root's value and its gradients: arrays, handles, or null where no path leads. Accumulating returns none. */
  async backward(root, wrt, feeds = [], { accumulate = false, asHandles = false } = {}) {
    const reply = await this.send("backward", {
      feeds: feeds.map(feed), roots: [{ value: root }], wrt, fetches: [{ value: root }], gradientsAsHandles: asHandles,
      mode: accumulate ? "GRADIENT_MODE_ACCUMULATE" : "GRADIENT_MODE_RETURN",
    });
    const read = g => (g.absent ? null : asHandles ? g.tensor.handle : elements(g.tensor));
    return { value: elements(reply.values[0].tensor), gradients: accumulate ? [] : reply.gradients.map(read) };
  }

  /** One optimizer step on what was accumulated, which is absent afterwards. */
  step(optimizer) {
    return this.send("applyGradients", { optimizer, zeroGradients: true });
  }

  /** Many steps on the server; yields its reports, then the result. */
  async *train(request) {
    await this.#flush();
    const data = request.data.map(feed);
    try {
      yield* this.#service.train({ ...request, session: this.name, data });
    } catch (error) {
      throw GradientsError.of(error);
    }
  }

  async get(...variables) {
    const reply = await this.send("getVariables", { variables });
    return reply.variables.map(v => elements(v.value));
  }

  /** Moves an array in chunks; the handle may be fed in its place. */
  upload(values, shape) {
    const { raw, ...header } = tensor(values, shape);
    return new Promise((resolve, reject) => {
      const call = this.#tensors.uploadTensor((error, reply) => (error ? reject(GradientsError.of(error)) : resolve(reply.handle)));
      call.write({ header: { session: this.name, ...header } });
      for (let offset = 0; offset < raw.length; offset += CHUNK)
        call.write({ chunk: { offset, data: raw.subarray(offset, offset + CHUNK) } });
      call.end();
    });
  }

  async download(handle) {
    const chunks = [];
    let header;
    try {
      for await (const part of this.#tensors.downloadTensor({ session: this.name, handle }))
        part.part === "header" ? (header = part.header) : chunks.push(part.chunk.data);
    } catch (error) {
      throw GradientsError.of(error);
    }
    return elements({ ...header, raw: Buffer.concat(chunks) });
  }

  /** Sends what waits, then a command of the session: the rpc's name and its request. */
  async send(rpc, request) {
    await this.#flush();
    return this.#call(rpc, { session: this.name, ...request });
  }

  async #flush() {
    const nodes = this.#nodes.splice(0), updates = this.#initial.splice(0);
    if (nodes.length) await this.#call("defineNodes", { session: this.name, nodes });
    if (updates.length) await this.#call("setVariables", { session: this.name, updates });
  }

  async #call(rpc, request) {
    try {
      return await promisify(this.#service[rpc]).call(this.#service, request);
    } catch (error) {
      throw GradientsError.of(error);
    }
  }
}

const type = (dataType, dimensions) =>
  ({ dataType, dimensions: dimensions.map(d => (typeof d === "string" ? { symbol: d } : { size: d })) });
const feed = ([node, value]) =>
  ({ node, tensor: typeof value === "string" ? { handle: value } : value.raw ? value : tensor(value) });
