// AWS's Lambda runtime for Node.js, on the inherited channel: loads the handler and gives it one event after another.
// Its behaviour follows https://github.com/aws/aws-lambda-nodejs-runtime-interface-client, whose own transport needs a
// compiler to install.

import { Channel } from "./channel.mjs";
import { contextOf } from "./context.mjs";
import { described, logged, NodeJsExit, UnhandledPromiseRejection } from "./errors.mjs";
import { isAsync, isStreaming, loadHandler } from "./handler.mjs";
import { Logs } from "./logs.mjs";
import { resolveAlongNodePath } from "./resolution.mjs";
import { offerStreaming, ResponseStream } from "./streaming.mjs";

const CHANNEL = 3;
const channel = new Channel(CHANNEL);
const logs = new Logs();
// Since Node.js 24 a handler's answer is what it returns, and callbacks are refused.
const takesCallbacks = Number(process.versions.node.split(".")[0]) < 24;

let underWay = false;

function fail(error) {
  console.error("Invoke Error", logged(error));
  channel.fail(described(error));
}

function end(error, code) {
  console.error(code === 128 ? "Unhandled Promise Rejection" : "Uncaught Exception", logged(error));
  const sent = underWay ? channel.fail(described(error)) : channel.failInit(described(error));
  sent.then(() => process.exit(code));
}

process.on("uncaughtException", (error) => end(error, 129));
process.on("unhandledRejection", (reason, promise) => end(new UnhandledPromiseRejection(reason, promise), 128));

// One invocation: resolves once it has been answered.
function invoke(handler, invocation) {
  logs.requestId = invocation.requestId;
  if (invocation.traceId) process.env._X_AMZN_TRACE_ID = invocation.traceId;
  else delete process.env._X_AMZN_TRACE_ID;
  if (isStreaming(handler)) return stream(handler, invocation);
  return takesCallbacks ? callBack(handler, invocation) : answer(handler, invocation);
}

async function answer(handler, invocation) {
  try {
    await channel.respond(await handler(JSON.parse(invocation.payload), contextOf(invocation)));
  } catch (error) {
    fail(error);
  }
}

async function stream(handler, invocation) {
  const response = new ResponseStream(channel);
  try {
    await handler(JSON.parse(invocation.payload), response, contextOf(invocation));
    await response.ended;
  } catch (error) {
    if (!response.hasBegun) fail(error);
    else {
      console.error("Invoke Error", logged(error));
      await channel.endStream(described(error));
    }
  }
}

function callBack(handler, invocation) {
  return new Promise((answered) => {
    let isDone = false;
    const once = (work) => {
      if (isDone) return;
      isDone = true;
      process.off("beforeExit", nothingLeft);
      work();
      answered();
    };
    const respond = (result) => {
      once(() => {
        try {
          channel.respond(result);
        } catch (error) {
          fail(error);
        }
      });
    };
    // Whoever never calls back has answered null once nothing is left to be done; an async function has not.
    const nothingLeft = () => (isAsync(handler) ? once(() => fail(new NodeJsExit())) : respond(null));
    process.on("beforeExit", nothingLeft);
    const callback = (error, result) => {
      if (error !== undefined && error !== null) once(() => fail(error));
      else if (!context.callbackWaitsForEmptyEventLoop) respond(result);
      else {
        process.off("beforeExit", nothingLeft);
        process.once("beforeExit", () => respond(result));
      }
    };
    let context;
    try {
      context = contextOf(invocation, callback);
      const result = handler(JSON.parse(invocation.payload), context, callback);
      if (result && typeof result.then === "function") {
        result.then(respond, (error) => once(() => fail(error)));
      }
    } catch (error) {
      once(() => fail(error));
    }
  });
}

resolveAlongNodePath();
offerStreaming();
try {
  const handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER, takesCallbacks);
  for (;;) {
    logs.requestId = undefined;
    const invocation = await channel.next();
    underWay = true;
    await invoke(handler, invocation);
    underWay = false;
  }
} catch (error) {
  console.error("Uncaught Exception", logged(error));
  await channel.failInit(described(error));
  process.exit(1);
}
