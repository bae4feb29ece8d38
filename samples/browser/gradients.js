// A client in one small file: JSON for everything unary, gRPC-Web for a call without JSON.

export class Gradients {
  constructor(server, key) {
    this.server = server;
    this.headers = key ? { authorization: `Bearer ${key}` } : {};
  }

  async call(method, path, message) {
    const response = await fetch(this.server + path, {
      method,
      headers: { ...this.headers, ...(message && { "content-type": "application/json" }) },
      body: message && JSON.stringify(message),
    });
    const reply = await response.json();
    if (response.ok) return reply;
    const error = new Error(reply.message);
    error.reason = reply.details?.find(d => d["@type"].endsWith("ErrorInfo"))?.reason;
    throw error;
  }

  post(path, message) {
    return this.call("POST", path, message);
  }

  // One gRPC-Web call with the bytes of its message; returns the bytes of the reply's.
  async rpc(path, message = new Uint8Array()) {
    const frame = new Uint8Array(5 + message.length);
    new DataView(frame.buffer).setUint32(1, message.length);
    frame.set(message, 5);
    const response = await fetch(this.server + path, {
      method: "POST",
      headers: { ...this.headers, "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
      body: frame,
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    let status = response.headers.get("grpc-status"), text = response.headers.get("grpc-message"), reply;
    for (let at = 0; at < bytes.length;) {
      const size = new DataView(bytes.buffer, at).getUint32(1), body = bytes.slice(at + 5, at + 5 + size);
      if (bytes[at] & 0x80) {
        const trailers = new TextDecoder().decode(body);
        status = /grpc-status: *(\d+)/i.exec(trailers)?.[1];
        text = /grpc-message: *([^\r\n]*)/i.exec(trailers)?.[1];
      } else {
        reply = body;
      }
      at += 5 + size;
    }
    if (status !== "0") throw new Error(decodeURIComponent(text ?? `no status, HTTP ${response.status}`));
    return reply;
  }
}

// A float64 tensor of the list's length, or a scalar of a number. NaN and infinities have names in JSON.
export function tensor(numbers) {
  const list = Array.isArray(numbers);
  const texts = (list ? numbers : [numbers]).map(n => Number.isFinite(n) ? n : String(n));
  return { dataType: "DATA_TYPE_FLOAT64", shape: list ? [numbers.length] : [], values: { numbers: texts } };
}

export const numbers = tensor => tensor.values.numbers.map(Number);
