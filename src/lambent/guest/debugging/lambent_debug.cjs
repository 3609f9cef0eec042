// Waits for a debugger inside the first invocation, and then runs the handler that is meant.
//
// The wait is no part of init, which Lambda ends after ten seconds; and as the handler is loaded afterwards, breakpoints
// hold in all of its code. LAMBENT_DEBUG says what the copy of the function stands for.

"use strict";

const fs = require("node:fs");
const inspector = require("node:inspector");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { Worker } = require("node:worker_threads");

// A thread of its own: while the main one waits for the debugger, its loop stands still. Whoever asked for the debugger
// ends it by going away.
const WATCH = `
const { workerData } = require("node:worker_threads");
const asking = require("node:net").connect(workerData.control, workerData.host);
asking.on("connect", () => asking.write(JSON.stringify({ root: workerData.root }) + "\\n"));
asking.on("error", () => {});
asking.on("close", () => process.kill(process.pid, "SIGKILL"));
asking.resume();
`;

let loaded;

exports.handler = async function handler(event, context) {
  if (loaded === undefined) {
    const told = JSON.parse(process.env.LAMBENT_DEBUG);
    delete process.env.LAMBENT_DEBUG;
    Object.assign(process.env, told.variables);
    Object.assign(context, told.context);
    inspector.open(told.port, told.host, false);
    const root = process.env.LAMBDA_TASK_ROOT;
    new Worker(WATCH, { eval: true, workerData: { ...told, root } }).unref();
    inspector.waitForDebugger();
    loaded = await load(root, told.handler);
  }
  if (loaded[Symbol.for("aws.lambda.runtime.handler.streaming")]) {
    throw new Error("a handler that streams its response cannot be debugged this way");
  }
  return loaded.length < 3 ? loaded(event, context) : calledBack(event, context);
};

function calledBack(event, context) {
  return new Promise((resolve, reject) => {
    const answer = loaded(event, context, (error, result) => (error ? reject(error) : resolve(result)));
    if (typeof answer?.then === "function") answer.then(resolve, reject);
  });
}

async function load(root, name) {
  const base = path.basename(name);
  const [file, ...names] = base.split(".");
  const place = path.resolve(root, path.dirname(name), file);
  const found = ["", ".js", ".mjs", ".cjs"].map((extension) => place + extension).find(isFile);
  const module = found ? await import(pathToFileURL(found).href) : require(require.resolve(file, { paths: [root] }));
  const within = (start) => names.reduce((value, key) => value?.[key], start);
  const handler = within(module) ?? within(module.default);
  if (typeof handler !== "function") throw new Error(`${name} is undefined or not exported`);
  return handler;
}

function isFile(file) {
  return fs.existsSync(file) && fs.statSync(file).isFile();
}
