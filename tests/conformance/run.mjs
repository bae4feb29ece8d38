#!/usr/bin/env node
// Runs the vectors against a server: node run.mjs HOST:PORT [FILE…]   (after npm ci in samples/node)
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const require = createRequire(join(here, "../../samples/node/gradients.js"));
const grpc = require("@grpc/grpc-js"), loader = require("@grpc/proto-loader");
const protos = join(here, "../../protos");
const definitions = loader.loadSync([...readdirSync(join(protos, "gradients/v1")).map(f => `gradients/v1/${f}`), "google/rpc/error_details.proto"], {
  includeDirs: [protos, join(protos, "third_party")], longs: String, enums: String, bytes: String, oneofs: false,
});
const FLOATS = { DATA_TYPE_FLOAT32: [Float32Array, Int32Array], DATA_TYPE_FLOAT64: [Float64Array, BigInt64Array] };

/** Any rpc by its name; a list stands for a stream of messages, which in replies of Interact are joined. */
async function call(client, path, request) {
  const [service, name] = path.split("/");
  const method = Object.values(definitions[service]).find(m => m.path === `/${path}`);
  const options = { deadline: Date.now() + 60_000 };
  const codec = [method.path, method.requestSerialize, method.responseDeserialize];
  try {
    const replies = await new Promise((resolve, reject) => {
      const one = (error, reply) => (error ? reject(error) : resolve([reply]));
      const messages = method.requestStream ? request : [request];
      const stream = method.requestStream
        ? method.responseStream ? client.makeBidiStreamRequest(...codec, options) : client.makeClientStreamRequest(...codec, options, one)
        : method.responseStream ? client.makeServerStreamRequest(...codec, messages[0], options) : client.makeUnaryRequest(...codec, messages[0], options, one);
      if (method.responseStream) {
        const all = [];
        stream.on("data", reply => all.push(reply)).on("error", reject).on("end", () => resolve(all));
      }
      if (method.requestStream) {
        for (const message of messages) stream.write(message);
        stream.end();
      }
    });
    return { reply: name === "Interact" ? replies.flatMap(r => r.results) : method.responseStream ? replies : replies[0] };
  } catch (error) {
    const [details] = error.metadata?.get("grpc-status-details-bin") ?? [];
    if (!details) throw error;
    return { error: flat(definitions["google.rpc.Status"].deserialize(details)) };
  }
}

/** A google.rpc.Status as its code, reason, metadata and the fields at fault. */
function flat(status) {
  const result = { code: grpc.status[status.code] };
  for (const { type_url, value } of status.details ?? []) {
    const name = type_url.split("/").pop();
    const detail = definitions[name]?.deserialize(Buffer.from(value, "base64"));
    if (name === "google.rpc.ErrorInfo") Object.assign(result, { reason: detail.reason, metadata: detail.metadata });
    if (name === "google.rpc.BadRequest") result.fields = detail.fieldViolations.map(v => v.field);
  }
  return result;
}

/** Yields what differs. Fields that are not expected are not looked at; null expects a field's default. */
function* compare(expected, actual, ulps, at = "") {
  const differs = `${at}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`;
  if (expected === null) {
    if (![undefined, null, "", 0, "0", false].includes(actual) && !(Array.isArray(actual) && !actual.length)) yield differs;
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return yield differs;
    for (const i of expected.keys()) yield* compare(expected[i], actual[i], ulps, `${at}.${i}`);
  } else if (typeof expected === "object") {
    if (typeof actual !== "object" || actual === null) return yield differs;
    if (/\.(error|stopped)$/.test(at) && !("reason" in actual)) actual = flat(actual);
    for (const [key, value] of Object.entries(expected))
      if (key === "raw" && value !== null && ulps !== undefined && FLOATS[expected.dataType]) yield* distant(expected, actual.raw, ulps, at);
      else yield* compare(value, actual[key], ulps, `${at}.${key}`);
  } else if (String(expected) !== String(actual)) yield differs;
}

/** Numbers: any NaN for a NaN, else so many floats apart; -0 and 0 are neighbours. */
function* distant({ dataType, raw }, actual, ulps, at) {
  const [Float, Int] = FLOATS[dataType];
  const read = (text, Type) => new Type(Uint8Array.from(Buffer.from(text ?? "", "base64")).buffer);
  const order = i => (BigInt(i) >= 0n ? BigInt(i) : -1n - BigInt.asUintN(8 * Int.BYTES_PER_ELEMENT - 1, BigInt(i)));
  const [want, got, p, q] = [read(raw, Float), read(actual, Float), read(raw, Int), read(actual, Int)];
  if (want.length !== got.length) return yield `${at}: ${got.length} elements instead of ${want.length}`;
  for (const i of want.keys()) {
    if (Number.isNaN(want[i]) && Number.isNaN(got[i])) continue;
    const apart = order(p[i]) - order(q[i]);
    if (Number.isNaN(want[i]) || Number.isNaN(got[i]) || (apart < 0n ? -apart : apart) > BigInt(ulps))
      yield `${at}[${i}]: ${got[i]} instead of ${want[i]}, ${apart} apart`;
  }
}

function substitute(value, names) {
  if (typeof value === "string") return names[value] ?? value;
  if (Array.isArray(value)) return value.map(v => substitute(v, names));
  return value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, substitute(v, names)])) : value;
}

async function run(client, { steps }) {
  const names = {}, differences = [];
  for (const [i, step] of steps.entries()) {
    const outcome = await call(client, step.call, substitute(step.request, names));
    const side = step.error ? "error" : "reply";
    if (!(side in outcome)) return [...differences, `step ${i + 1}: ${JSON.stringify(outcome)} instead of ${side} ${JSON.stringify(step[side])}`];
    for (const difference of compare(substitute(step[side], names), outcome[side], step.ulps)) differences.push(`step ${i + 1}: ${side}${difference}`);
    for (const [name, path] of Object.entries(step.keep ?? {})) names[name] = path.split(".").reduce((value, key) => value[key], outcome[side]);
  }
  return differences;
}

const [address, ...files] = process.argv.slice(2);
const client = new grpc.Client(address, grpc.credentials.createInsecure());
let cases = 0, failed = 0;
const { reply: { features } } = await call(client, "gradients.v1.ServerService/GetServerInfo", {});
for (const file of files.length ? files : readdirSync(here).filter(f => f.endsWith(".json")).map(f => join(here, f))) {
  const document = JSON.parse(readFileSync(file, "utf8"));
  if (document.feature && !features.includes(document.feature)) {
    console.log(`${basename(file)} is left out: this server has no ${document.feature}`);
    continue;
  }
  for (const one of document.cases) {
    const differences = await run(client, one);
    cases++;
    failed += differences.length > 0;
    for (const difference of differences) console.log(`${basename(file)}: ${one.name}: ${difference}`);
  }
}
client.close();
console.log(`${cases} cases, ${failed} failed`);
process.exitCode = failed || !cases ? 1 : 0;
