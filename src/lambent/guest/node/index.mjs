// AWS's Lambda runtime for Node.js, on the inherited channel: loads the handler and gives it one event after another.
// Its behaviour follows https://github.com/aws/aws-lambda-nodejs-runtime-interface-client, whose own transport needs a
// compiler to install.

import { Channel } from "./channel.mjs";
import { callbackContextOf, contextOf, plainContextOf } from "./context.mjs";
import { described, NodeJsExit, UnhandledPromiseRejection } from "./errors.mjs";
import { isAsync, isStreaming, loadHandler } from "./handler.mjs";
import { advise, answer, fail, letAnswersArrive, processing, stream } from "./invoking.mjs";
import { Logs } from "./logs.mjs";
import { resolveAlongNodePath } from "./resolution.mjs";
import { runtimeInForce } from "./runtime.mjs";
import { offerStreaming } from "./streaming.mjs";

const CHANNEL = 3;
const runtime = runtimeInForce();
const channel = Channel.inherited(CHANNEL, runtime.importsAll);
const logs = new Logs();
// They are between the platform and this file.
delete process.env._LAMBDA_TELEMETRY_LOG_FD;
delete process.env._LAMBENT_LAYERS;

const place = { channel, logs };
let underWay = false;

function end(what, error, code) {
  logs.failure(what, error);
  const sent = underWay ? channel.fail(described(error)) : channel.failInit(described(error));
  sent.then(() => process.exit(code));
}

process.on("uncaughtException", (error) => end("Uncaught Exception", error, 129));
process.on("unhandledRejection", (reason, promise) =>
  end("Unhandled Promise Rejection", new UnhandledPromiseRejection(reason, promise), 128),
);

// Whose method the handler is: stack traces begin as on AWS, and `this` has a class of the same name. Until Node.js 22.
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

function servingBy(handler) {
  if (runtime.takesCallbacks) return new Runtime(handler);
  return processing(handler);
}

// One invocation: resolves once it has been answered.
function invoke(serving, invocation) {
  logs.requestId = invocation.requestId;
  if (invocation.traceId) process.env._X_AMZN_TRACE_ID = invocation.traceId;
  else delete process.env._X_AMZN_TRACE_ID;
  if (isStreaming(serving.handler)) {
    const context = runtime.takesCallbacks ? contextOf(invocation) : plainContextOf(invocation);
    const handle = runtime.takesCallbacks ? "handleOnceStreaming" : "processInvoke";
    return stream(place, invocation, context, serving.handler, (...given) => serving[handle](...given));
  }
  return runtime.takesCallbacks ? callBack(serving, invocation) : answer(place, serving, invocation);
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
          fail(place, error);
        }
      });
    };
    // Whoever never calls back has answered null once nothing is left to be done; an async function has not.
    const nothingLeft = () => {
      hasSpoken = true;
      if (isAsync(serving.handler)) finish(() => fail(place, new NodeJsExit()));
      else respond(null);
    };
    process.on("beforeExit", nothingLeft);
    // Only what is said first counts: by the callback, by the context, or by the promise.
    const say = (error, result, waits) => {
      if (hasSpoken) return;
      hasSpoken = true;
      process.off("beforeExit", nothingLeft);
      if (error !== undefined && error !== null) finish(() => fail(place, error));
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
    await letAnswersArrive(invocation.payload);
    await invoke(serving, invocation);
    underWay = false;
  }
}

main().catch((error) => {
  advise(error);
  end("Uncaught Exception", error, 1);
});
