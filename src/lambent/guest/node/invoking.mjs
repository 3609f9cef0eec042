// What an invocation takes, however many there are at once: its handler, its answer, and where that goes.
// https://github.com/aws/aws-lambda-nodejs-runtime-interface-client: src/runtime/

import { plainContextOf } from "./context.mjs";
import { described } from "./errors.mjs";
import { isStreaming } from "./handler.mjs";
import { ResponseStream } from "./streaming.mjs";

// Of an event of CloudFormation's, which is asynchronous and so at most this long: where the platform takes answers.
// An event from a topic has it within a text.
const RESPONSE_URL = /\\?"ResponseURL\\?": ?\\?"(http:\/\/[^"\\]+\/_lambent\/cloudformation\/responses\/[^"\\]+)/;
const LONGEST_ASYNCHRONOUS = 1 << 20;

const answersArriveAt = new Set();

// Whose method the handler is since Node.js 24, and on Managed Instances: stack traces begin as on AWS.
class BufferedInvokeProcessor {
  constructor(handler) {
    this.handler = handler;
  }

  processInvoke(...given) {
    return this.handler(...given);
  }
}

class StreamingInvokeProcessor extends BufferedInvokeProcessor {}

export function processing(handler) {
  return isStreaming(handler) ? new StreamingInvokeProcessor(handler) : new BufferedInvokeProcessor(handler);
}

export function fail({ channel, logs }, error) {
  logs.failure("Invoke Error", error);
  return channel.fail(described(error));
}

// One invocation: resolves once it has been answered.
export async function answer(place, serving, invocation) {
  try {
    const event = JSON.parse(invocation.payload);
    await place.channel.respond(await serving.processInvoke(event, plainContextOf(invocation)));
  } catch (error) {
    await fail(place, error);
  }
}

// One whose handler streams; `handle` calls it.
export async function stream(place, invocation, context, handler, handle) {
  const { channel, logs } = place;
  channel.hold();
  const response = new ResponseStream(channel, handler);
  try {
    const promised = handle(JSON.parse(invocation.payload), response, context);
    if (typeof promised?.then !== "function") throw new Error("Streaming does not support non-async handlers.");
    if ((await promised) !== undefined) console.warn("Streaming handlers ignore return values.");
    await response.ended;
  } catch (error) {
    if (!response.hasBegun) await fail(place, error);
    else {
      logs.failure("Invoke Error", error);
      await channel.endStream(described(error));
    }
  }
}

// Have the makers of custom resources reach the platform, where the event tells them to.
export async function letAnswersArrive(payload) {
  const url = responseUrlIn(payload);
  if (!url || answersArriveAt.has(url.origin)) return;
  answersArriveAt.add(url.origin);
  const { answerAt } = await import("./responses.mjs");
  answerAt(url);
}

function responseUrlIn(payload) {
  const mayHaveOne = payload.length <= LONGEST_ASYNCHRONOUS && payload.includes("ResponseURL");
  const address = mayHaveOne ? RESPONSE_URL.exec(payload)?.[1] : undefined;
  try {
    return address && new URL(address);
  } catch {
    return undefined; // anybody may write such a thing into an event
  }
}

// AWS's runtime brings its SDK: who does without it there is told what it takes here.
export function advise(error) {
  const [, name] = /Cannot find (?:module|package) '(@(?:aws-sdk|smithy|aws-crypto)\/[a-z0-9-]+)/.exec(error?.message) ?? [];
  if (name) {
    process.stderr.write(
      `lambent: ${name} is not here. Lambent installs the usual clients of the AWS SDK when npm is on PATH and online; ` +
        `another one, or without npm, the function brings along: npm install ${name}\n`,
    );
  }
}
