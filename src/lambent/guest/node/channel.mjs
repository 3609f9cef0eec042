// The runtime's end of its inherited socket. The messages are those of lambent/guest/framing.py.

import { once } from "node:events";
import { createConnection, Socket } from "node:net";

import { JSONStringifyError } from "./errors.mjs";

const INVOKE = 1;
const NEXT = 16;
const RESPONSE = 17;
const ERROR = 18;
const INIT_ERROR = 19;
const TOO_LARGE = 20;
const STREAM = 21;
const CHUNK = 22;
const STREAM_END = 23;
const WORKER = 48;
const WORKER_ENDED = 49;
const MAX_CHUNK = 1_048_576;
const HEADER = 5;
const TEXTS = 6;
const MAX_RESPONSE = 6_291_556;

export class Channel {
  #socket;
  #parts = [];
  #size = 0;
  #waiting = null;
  #hasParked = false;
  #namesFaults;
  #polls;

  // The socket that the runtime was started with: an answer asks for the next invocation.
  static inherited(descriptor, namesFaults) {
    const socket = new Socket({ fd: descriptor, readable: true, writable: true });
    return new Channel(socket, { namesFaults, polls: false });
  }

  // One of several connections of a thread: each invocation is asked for.
  static async connected(path, threadId) {
    const socket = createConnection(path);
    await once(socket, "connect");
    const channel = new Channel(socket, { namesFaults: true, polls: true });
    const number = Buffer.alloc(4);
    number.writeUInt32BE(threadId);
    channel.#write(WORKER, number);
    return channel;
  }

  constructor(socket, { namesFaults, polls }) {
    this.#namesFaults = namesFaults;
    this.#polls = polls;
    this.#socket = socket;
    this.#socket.on("data", (data) => this.#take(data));
    this.#socket.on("close", () => process.exit(0)); // the platform is gone
    this.#socket.on("error", () => process.exit(0));
    this.#socket.unref();
  }

  // The next invocation; waits as long as it takes.
  next() {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      // Only while it waits does the channel keep the process alive: a handler's own work is all that counts then.
      this.#socket.ref();
      if (this.#polls || !this.#hasParked) {
        this.#hasParked = true;
        this.#write(NEXT, Buffer.alloc(0));
      }
    });
  }

  // While an answer is streamed the process goes on, as with the connection that it takes on AWS.
  hold() {
    this.#socket.ref();
  }

  // Answer with a handler's result; throws where it cannot be said in JSON.
  respond(result) {
    let text;
    try {
      text = JSON.stringify(result === undefined ? null : result);
    } catch {
      throw this.#namesFaults ? new JSONStringifyError() : new Error("Unable to stringify response body");
    }
    return this.send("application/json", Buffer.from(text ?? "null"));
  }

  // Answer with bytes.
  send(contentType, body) {
    if (body.length > MAX_RESPONSE) return this.#write(TOO_LARGE, Buffer.alloc(0));
    const type = Buffer.from(contentType, "latin1").subarray(0, 255);
    return this.#write(RESPONSE, Buffer.concat([Buffer.from([type.length]), type, body]));
  }

  // Begin to answer, go on, and come to the end, with an error's description or without.
  beginStream(contentType) {
    return this.#write(STREAM, Buffer.from(contentType, "latin1").subarray(0, 255));
  }

  async chunk(body) {
    for (let place = 0; place < body.length; place += MAX_CHUNK) {
      await this.#write(CHUNK, body.subarray(place, place + MAX_CHUNK));
    }
  }

  endStream(error) {
    return this.#write(STREAM_END, error === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(error)));
  }

  // Answer with an error.
  fail(error) {
    const body = Buffer.from(JSON.stringify(error));
    return body.length > MAX_RESPONSE ? this.#write(TOO_LARGE, Buffer.alloc(0)) : this.#write(ERROR, body);
  }

  // Tell how a thread of this process has ended, in a wait status's words.
  threadEnded(threadId, code) {
    const body = Buffer.alloc(8);
    body.writeUInt32BE(threadId, 0);
    body.writeInt32BE((code & 0xff) << 8, 4);
    return this.#write(WORKER_ENDED, body);
  }

  // Say that init has failed.
  failInit(error) {
    return this.#write(INIT_ERROR, Buffer.from(JSON.stringify(error)).subarray(0, MAX_RESPONSE));
  }

  #write(kind, body) {
    const header = Buffer.alloc(HEADER);
    header.writeUInt8(kind, 0);
    header.writeUInt32BE(body.length, 1);
    return new Promise((resolve) => this.#socket.write(Buffer.concat([header, body]), () => resolve()));
  }

  #take(data) {
    this.#parts.push(data);
    this.#size += data.length;
    if (this.#size < HEADER) return;
    if (this.#parts.length > 1 && this.#parts[0].length < HEADER) this.#parts = [Buffer.concat(this.#parts)];
    const length = HEADER + this.#parts[0].readUInt32BE(1);
    if (this.#size < length) return;
    const frame = Buffer.concat(this.#parts);
    this.#parts = frame.length > length ? [frame.subarray(length)] : [];
    this.#size = frame.length - length;
    if (frame[0] === INVOKE) this.#hand(frame.subarray(HEADER, length));
  }

  #hand(body) {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#socket.unref();
    if (waiting) waiting(invocationIn(body));
  }
}

function invocationIn(body) {
  const texts = [];
  let place = TEXTS * 4;
  for (let number = 0; number < TEXTS; number += 1) {
    const length = body.readInt32BE(number * 4);
    texts.push(length < 0 ? undefined : body.toString("utf8", place, place + Math.max(length, 0)));
    place += Math.max(length, 0);
  }
  const [requestId, deadline, functionArn, traceId, clientContext, identity] = texts;
  const payload = body.toString("utf8", place);
  return { requestId, deadlineMs: Number(deadline), functionArn, traceId, clientContext, identity, payload };
}
