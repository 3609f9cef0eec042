// `awslambda.streamifyResponse`: https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html

import { Writable } from "node:stream";

import { InvalidStreamingOperation } from "./errors.mjs";

export const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const HTTP = "application/vnd.awslambda.http-integration-response";

// Passes on what a handler writes, as it is written.
export class ResponseStream extends Writable {
  #channel;
  #prelude = null;
  #isWritten = false;
  #contentType = "application/octet-stream";
  hasBegun = false;

  constructor(channel, handler) {
    super({ highWaterMark: handler[HIGH_WATER_MARK] });
    this.#channel = channel;
    this.ended = new Promise((resolve, reject) => {
      this.on("finish", resolve);
      this.on("error", reject);
    });
    this.ended.catch(() => {}); // told where it is awaited
  }

  setContentType(contentType) {
    if (this.#isWritten) throw new InvalidStreamingOperation("Cannot set content-type, too late.");
    this.#contentType = contentType;
  }

  // As on AWS, what is neither text nor bytes goes out as JSON.
  write(chunk, ...rest) {
    this.#isWritten = true;
    const isPlain = typeof chunk === "string" || chunk instanceof Uint8Array;
    return super.write(isPlain ? chunk : JSON.stringify(chunk), ...rest);
  }

  // What stands before the body; zero bytes divide the two.
  lead(prelude) {
    this.setContentType(HTTP);
    this.#prelude = Buffer.concat([Buffer.from(JSON.stringify(prelude)), Buffer.alloc(8)]);
  }

  _write(chunk, encoding, done) {
    const body = typeof chunk === "string" ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
    this.#send(body).then(() => done(), done);
  }

  _final(done) {
    this.#send(Buffer.alloc(0))
      .then(() => this.#channel.endStream())
      .then(() => done(), done);
  }

  async #send(body) {
    if (!this.hasBegun) {
      this.hasBegun = true;
      await this.#channel.beginStream(this.#contentType);
      if (this.#prelude) await this.#channel.chunk(this.#prelude);
    }
    await this.#channel.chunk(body);
  }
}

export function offerStreaming() {
  if (["1", "true"].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  globalThis.awslambda = {
    ...globalThis.awslambda,
    streamifyResponse(handler, options) {
      handler[STREAMING] = "response";
      if (typeof options?.highWaterMark === "number") handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
      return handler;
    },
    HttpResponseStream: class HttpResponseStream {
      static from(stream, prelude) {
        stream.lead(prelude);
        return stream;
      }
    },
  };
}
