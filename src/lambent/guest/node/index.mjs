// AWS's Lambda runtime for Node.js, on the inherited channel: loads the handler and gives it one event after another.
// Its behaviour follows https://github.com/aws/aws-lambda-nodejs-runtime-interface-client, whose own transport needs a
// compiler to install.

import { Channel } from "./channel.mjs";
import { callbackContextOf, contextOf, plainContextOf } from "./context.mjs";
import { described, NodeJsExit, UnhandledPromiseRejection } from "./errors.mjs";
import { isAsync, isStreaming, loadHandler } from "./handler.mjs";
import { Logs } from "./logs.mjs";
import { resolveAlongNodePath } from "./resolution.mjs";
import { runtimeInForce } from "./runtime.mjs";
import { offerStreaming, ResponseStream } from "./streaming.mjs";

const CHANNEL = 3;
// Of an event of CloudFormation's, which is asynchronous and so at most this long: where the platform takes answers.
// An event from a topic has it within a text.
const RESPONSE_URL = /\\?"ResponseURL\\?": ?\\?"(http:\/\/[^"\\]+\/_lambent\/cloudformation\/responses\/[^"\\]+)/;
const LONGEST_ASYNCHRONOUS = 1 << 20;
const runtime = runtimeInForce();
const channel = new Channel(CHANNEL, runtime.importsAll);
const logs = new Logs();
// They are between the platform and this file.
delete process.env._LAMBDA_TELEMETRY_LOG_FD;
delete process.env._LAMBENT_LAYERS;

let underWay = false;
const answersArriveAt = new Set();

function fail(error) {
  logs.failure("Invoke Error", error);
  channel.fail(described(error));
}

function end(what, error, code) {
  logs.failure(what, error);
  const sent = underWay ? channel.fail(described(error)) : channel.failInit(described(error));
  sent.then(() => process.exit(code));
}

process.on("uncaughtException", (error) => end("Uncaught Exception", error, 129));
process.on("unhandledRejection", (reason, promise) =>
  end("Unhandled Promise Rejection", new UnhandledPromiseRejection(reason, promise), 128),
);

function responseUrlIn(payload) {
  const mayHaveOne = payload.length <= LONGEST_ASYNCHRONOUS && payload.includes("ResponseURL");
  const address = mayHaveOne ? RESPONSE_URL.exec(payload)?.[1] : undefined;
  try {
    return address && new URL(address);
  } catch {
    return undefined; // anybody may write such a thing into an event
  }
}

async function letAnswersArriveAt(url) {
  answersArriveAt.add(url.origin);
  const { answerAt } = await import("./responses.mjs");
  answerAt(url);
}

// Whose method the handler is: stack traces begin as on AWS, and `this` has a class of the same name. Until Node.js 22:
class Runtime {
  constructor(handler) {
    this.handler = handler;
  }

  handleOnceNonStreaming(...given) {
    return this.handler(...given);
  }

  handleOnceStreaming(...given) {
    return this.handler(...given);
  }
}

// And since Node.js 24:
class BufferedInvokeProcessor {
  constructor(handler) {
    this.handler = handler;
  }

  processInvoke(...given) {
    return this.handler(...given);
  }
}

class StreamingInvokeProcessor extends BufferedInvokeProcessor {}

function servingBy(handler) {
  if (runtime.takesCallbacks) return new Runtime(handler);
  return isStreaming(handler) ? new StreamingInvokeProcessor(handler) : new BufferedInvokeProcessor(handler);
}

// One invocation: resolves once it has been answered.
function invoke(serving, invocation) {
  logs.requestId = invocation.requestId;
  if (invocation.traceId) process.env._X_AMZN_TRACE_ID = invocation.traceId;
  else delete process.env._X_AMZN_TRACE_ID;
  if (isStreaming(serving.handler)) return stream(serving, invocation);
  return runtime.takesCallbacks ? callBack(serving, invocation) : answer(serving, invocation);
}

async function answer(serving, invocation) {
  try {
    const event = JSON.parse(invocation.payload);
    await channel.respond(await serving.processInvoke(event, plainContextOf(invocation)));
  } catch (error) {
    fail(error);
  }
}

async function stream(serving, invocation) {
  channel.hold();
  const response = new ResponseStream(channel, serving.handler);
  try {
    const event = JSON.parse(invocation.payload);
    const context = runtime.takesCallbacks ? contextOf(invocation) : plainContextOf(invocation);
    const given = [event, response, context];
    const promised = serving instanceof Runtime ? serving.handleOnceStreaming(...given) : serving.processInvoke(...given);
    if (typeof promised?.then !== "function") throw new Error("Streaming does not support non-async handlers.");
    if ((await promised) !== undefined) console.warn("Streaming handlers ignore return values.");
    await response.ended;
  } catch (error) {
    if (!response.hasBegun) fail(error);
    else {
      logs.failure("Invoke Error", error);
      await channel.endStream(described(error));
    }
  }
}

function callBack(serving, invocation) {
  return new Promise((answered) => {
    let hasSpoken = false;
    const finish = (work) => {
      process.off("beforeExit", nothingLeft);
      work();
      answered();
    };
    const respond = (result) => {
      finish(() => {
        try {
          channel.respond(result);
        } catch (error) {
          fail(error);
        }
      });
    };
    // Whoever never calls back has answered null once nothing is left to be done; an async function has not.
    const nothingLeft = () => {
      hasSpoken = true;
      if (isAsync(serving.handler)) finish(() => fail(new NodeJsExit()));
      else respond(null);
    };
    process.on("beforeExit", nothingLeft);
    // Only what is said first counts: by the callback, by the context, or by the promise.
    const say = (error, result, waits) => {
      if (hasSpoken) return;
      hasSpoken = true;
      process.off("beforeExit", nothingLeft);
      if (error !== undefined && error !== null) finish(() => fail(error));
      else if (waits) process.once("beforeExit", () => setImmediate(() => respond(result)));
      else respond(result);
    };
    const context = callbackContextOf(invocation, (error, result) => say(error, result, false));
    const callback = (error, result) => say(error, result, context.callbackWaitsForEmptyEventLoop);
    try {
      const result = serving.handleOnceNonStreaming(JSON.parse(invocation.payload), context, callback);
      if (typeof result?.then === "function") result.then(context.succeed, context.fail);
    } catch (error) {
      callback(error);
    }
  });
}

async function main() {
  resolveAlongNodePath();
  offerStreaming();
  const serving = servingBy(await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER, runtime));
  for (;;) {
    logs.requestId = undefined;
    const invocation = await channel.next();
    underWay = true;
    const url = responseUrlIn(invocation.payload);
    if (url && !answersArriveAt.has(url.origin)) await letAnswersArriveAt(url);
    await invoke(serving, invocation);
    underWay = false;
  }
}

// AWS's runtime brings its SDK: who does without it there is told what it takes here.
function advise(error) {
  const [, name] = /Cannot find (?:module|package) '(@(?:aws-sdk|smithy|aws-crypto)\/[a-z0-9-]+)/.exec(error?.message) ?? [];
  if (name) {
    process.stderr.write(
      `lambent: ${name} is not here. Lambent installs the usual clients of the AWS SDK when npm is on PATH and online; ` +
        `another one, or without npm, the function brings along: npm install ${name}\n`,
    );
  }
}

main().catch((error) => {
  advise(error);
  end("Uncaught Exception", error, 1);
});
