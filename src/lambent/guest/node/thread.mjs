// One of the threads that serve an environment's requests, as many at once as it is given.
// It always asks for one more, as https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/runtime/runtime.ts

import { once } from "node:events";
import { createConnection } from "node:net";
import { parentPort, threadId } from "node:worker_threads";

import { Channel } from "./channel.mjs";
import { plainContextOf } from "./context.mjs";
import { described } from "./errors.mjs";
import { isStreaming, loadHandler } from "./handler.mjs";
import { offerInvokeStore } from "./invoke_store.mjs";
import { advise, answer, letAnswersArrive, processing, stream } from "./invoking.mjs";
import { Logs } from "./logs.mjs";
import { resolveAlongNodePath } from "./resolution.mjs";
import { runtimeInForce } from "./runtime.mjs";
import { offerStreaming } from "./streaming.mjs";

const runtime = runtimeInForce();
const door = process.env._LAMBENT_WORKER_SOCKET;
delete process.env._LAMBENT_WORKER_SOCKET;

// Connections that have been answered and can ask again.
const idle = [];

async function main() {
  resolveAlongNodePath();
  offerStreaming();
  const store = offerInvokeStore();
  const logs = new Logs(await logDescriptor(), () => store.getRequestId());
  // Unless the function sees to it itself, the thread ends by what nobody has caught, and its requests with it.
  process.on("uncaughtExceptionMonitor", (error) => {
    if (process.listenerCount("uncaughtException") === 0) logs.failure("Uncaught Exception", error);
  });
  const serving = processing(await loaded(logs));
  for (;;) {
    const channel = idle.pop() ?? (await Channel.connected(door, threadId));
    const invocation = await channel.next();
    // The next is asked for before this one has begun: a handler that never awaits holds up all that its thread has.
    setImmediate(() => store.runInvocation(invocation, () => serve(serving, { channel, logs }, invocation)));
  }
}

async function serve(serving, place, invocation) {
  await letAnswersArrive(invocation.payload);
  if (isStreaming(serving.handler)) {
    const handle = (...given) => serving.processInvoke(...given);
    await stream(place, invocation, plainContextOf(invocation), serving.handler, handle);
  } else {
    await answer(place, serving, invocation);
  }
  idle.push(place.channel);
}

async function loaded(logs) {
  try {
    return await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER, runtime);
  } catch (error) {
    advise(error);
    logs.failure("Init Error", error);
    parentPort.postMessage(described(error));
    process.exit(1);
  }
}

// Each thread has a socket of its own for what it logs, as with AWS's runtime.
async function logDescriptor() {
  const socket = createConnection(process.env._LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET);
  await once(socket, "connect");
  socket.on("error", () => {}); // the platform is gone
  socket.unref();
  return socket._handle.fd;
}

main();
