// Several requests at once: the process that starts threads, each with the function's code of its own, and outlives them.
// A thread that ends is not replaced, and the environment goes on with the others; it ends with the last.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-nodejs-runtime.html
// https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/worker/worker-manager.ts

import { Worker } from "node:worker_threads";

import { Channel } from "./channel.mjs";

const CHANNEL = 3;
const OF_THE_PROCESS = ["--expose-gc", "--max-semi-space-size", "--max-old-space-size"];

const channel = Channel.inherited(CHANNEL, true);
const asked = process.env.AWS_LAMBDA_NODEJS_WORKER_COUNT || process.env._LAMBENT_THREADS;
const execArgv = process.execArgv.filter((option) => !OF_THE_PROCESS.some((name) => option.startsWith(name)));
// They are between the platform and this file.
delete process.env._LAMBENT_THREADS;
delete process.env._LAMBDA_TELEMETRY_LOG_FD;
delete process.env._LAMBENT_LAYERS;

for (let number = 0; number < Number.parseInt(asked, 10); number += 1) {
  const thread = new Worker(new URL("./thread.mjs", import.meta.url), { env: process.env, execArgv });
  const { threadId } = thread;
  thread.on("message", (error) => channel.failInit(error)); // before the news of its end, and of the process's
  thread.on("error", () => {}); // the thread has told of it, where the function does not see to it itself
  thread.on("exit", (code) => channel.threadEnded(threadId, code));
}
