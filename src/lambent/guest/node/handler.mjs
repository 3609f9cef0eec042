// Finds the function's handler as AWS's runtime does: `folder/file.name`, CommonJS or ES module.
// https://github.com/aws/aws-lambda-nodejs-runtime-interface-client: src/UserFunction.js until Node.js 22, and
// src/function/ since Node.js 24, where every file is imported.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

import {
  CallbackHandlerDeprecated,
  HandlerNotFound,
  ImportModuleError,
  MalformedHandlerName,
  MalformedStreamingHandler,
  UserCodeSyntaxError,
} from "./errors.mjs";
import { STREAMING } from "./streaming.mjs";

const NAMED = /^([^.]*)\.(.*)$/;
const require = createRequire(new URL("./index.mjs", import.meta.url));

export async function loadHandler(root, name, runtime) {
  if (name.includes("..")) {
    throw new MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(name);
  const parts = NAMED.exec(base);
  if (!parts) throw new MalformedHandlerName("Bad handler");
  const folder = name.slice(0, name.indexOf(base));
  const module = await loadModule(root, folder, parts[1], runtime);
  const handler = exported(module, parts[2]) || (runtime.importsAll && exported(module?.default, parts[2]));
  if (!handler) throw new HandlerNotFound(`${name} is undefined or not exported`);
  if (typeof handler !== "function") throw new HandlerNotFound(`${name} is not a function`);
  const isStreamed = isStreaming(handler);
  if (!runtime.takesCallbacks && !isStreamed && handler.length >= 3) throw new CallbackHandlerDeprecated(runtime.major);
  if (runtime.takesCallbacks && !isStreamed && handler.length === 3 && !isAsync(handler)) warnOfCallbacks();
  return handler;
}

export function isStreaming(handler) {
  const kind = handler[STREAMING];
  if (kind === undefined || kind === null || kind === false) return false;
  if (kind !== "response") throw new MalformedStreamingHandler();
  return true;
}

export function isAsync(handler) {
  return handler.constructor?.name === "AsyncFunction";
}

function warnOfCallbacks() {
  if (process.env.AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING !== undefined) return;
  console.warn(
    "AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24. You will need " +
      "to update this function to use an async handler to use Node.js 24 or later. For more information and to " +
      "provide feedback on this change, see " +
      "https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/137. To disable this warning, set the " +
      "AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING environment variable.",
  );
}

function exported(module, names) {
  return names.split(".").reduce((found, key) => found?.[key], module);
}

async function loadModule(root, folder, name, runtime) {
  const place = path.resolve(root, folder, name);
  try {
    const module = runtime.importsAll ? await importedOf(place) : await loaded(place);
    // Also a package that the function brings, as `package/folder.handler` names it.
    return module ?? require(require.resolve(name, { paths: [root, path.resolve(root, folder)] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserCodeSyntaxError(error);
    // An import that finds nothing has another code: AWS's runtime passes it on as it is.
    if (error?.code === "MODULE_NOT_FOUND") throw new ImportModuleError(error);
    throw error;
  }
}

async function importedOf(place) {
  for (const extension of ["", ".js", ".mjs", ".cjs"]) {
    if (existsSync(place + extension)) return imported(place + extension);
  }
  return undefined;
}

async function loaded(place) {
  if (existsSync(place)) return require(place);
  if (existsSync(`${place}.js`)) {
    return isModule(path.dirname(place)) ? imported(`${place}.js`) : require(`${place}.js`);
  }
  if (existsSync(`${place}.mjs`)) return imported(`${place}.mjs`);
  return existsSync(`${place}.cjs`) ? require(`${place}.cjs`) : undefined;
}

function imported(file) {
  return import(pathToFileURL(file).href);
}

// Whether the nearest package.json makes .js files of the folder ES modules.
function isModule(folder) {
  for (let place = folder; !place.endsWith("/node_modules"); place = path.dirname(place)) {
    const file = path.join(place, "package.json");
    if (existsSync(file)) {
      try {
        return JSON.parse(readFileSync(file, "utf8"))?.type === "module";
      } catch (error) {
        console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
        return false;
      }
    }
    if (place === path.dirname(place)) break;
  }
  return false;
}
