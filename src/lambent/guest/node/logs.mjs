// The console as AWS's runtime has it: each call one event, with time, request id and level, as text or JSON.
// https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/logging/log-patch.ts
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html

import { writeSync } from "node:fs";
import { format } from "node:util";

import { asLine, intoError, isError } from "./errors.mjs";

const LOG = 4;
const MAX_RECORD = 1_048_550; // CloudWatch Logs' limit of one event, which counts 26 bytes more than its text
const FRAME = 0xa55a0003;
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const METHODS = { trace: "TRACE", debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", fatal: "FATAL" };

// Where libraries of AWS's find the id of the request under way.
const REQUEST_ID = Symbol.for("aws.lambda.runtime.requestId");

export class Logs {
  #isJson = (process.env.AWS_LAMBDA_LOG_FORMAT ?? "").toUpperCase() === "JSON";
  #idUnderWay;

  // Where several requests are under way at once, `idUnderWay` tells which of them asks, and `descriptor` where to write.
  constructor(descriptor = LOG, idUnderWay = undefined) {
    this.#idUnderWay = idUnderWay;
    const least = Math.max(0, LEVELS.indexOf((process.env.AWS_LAMBDA_LOG_LEVEL ?? "").toUpperCase()));
    const line = this.#isJson ? asJson : asText;
    for (const [method, level] of Object.entries(METHODS)) {
      console[method] =
        LEVELS.indexOf(level) < least
          ? () => {}
          : (message, ...more) => write(descriptor, line(this.requestId, level, [message, ...more]));
    }
  }

  get requestId() {
    return this.#idUnderWay ? this.#idUnderWay() : globalThis[REQUEST_ID];
  }

  set requestId(requestId) {
    globalThis[REQUEST_ID] = requestId;
  }

  // A failure of the function: in JSON the error alone, in text after what has come of it.
  failure(what, thrown) {
    const error = intoError(thrown);
    if (this.#isJson) console.error(error);
    else console.error(what, asLine(error));
  }
}

function asText(requestId, level, said) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${format(...said)}`;
}

function asJson(requestId, level, said) {
  const event = { timestamp: new Date().toISOString(), level, requestId };
  if (said.length === 1) {
    try {
      return JSON.stringify({ ...event, message: said[0] }, plain);
    } catch {
      return JSON.stringify({ ...event, message: format(said[0]) });
    }
  }
  const error = said.find(isError);
  return JSON.stringify({ ...event, message: format(...said), ...(error ? shown(error) : {}) });
}

function plain(_key, value) {
  return isError(value) ? { ...shown(value), ...value } : value;
}

function shown(error) {
  return {
    errorType: error.constructor?.name ?? "UnknownError",
    errorMessage: error.message,
    stackTrace: typeof error.stack === "string" ? error.stack.split("\n") : (error.stack ?? []),
  };
}

// The platform takes no longer record: what exceeds it goes on in the next.
function write(descriptor, text) {
  const body = Buffer.from(`${text}\n`);
  for (let place = 0; place < body.length; ) {
    let end = Math.min(place + MAX_RECORD, body.length);
    while (end < body.length && (body[end] & 0xc0) === 0x80) end -= 1; // no character is cut
    send(descriptor, body.subarray(place, end));
    place = end;
  }
}

function send(descriptor, body) {
  const header = Buffer.alloc(16);
  header.writeUInt32BE(FRAME, 0);
  header.writeUInt32BE(body.length, 4);
  header.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  let rest = Buffer.concat([header, body]);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}
