// Finds the function's handler as AWS's runtime does: `folder/file.name`, CommonJS or ES module.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

import {
  CallbackHandlerDeprecated,
  HandlerNotFound,
  ImportModuleError,
  MalformedHandlerName,
  UserCodeSyntaxError,
} from "./errors.mjs";
import { STREAMING } from "./streaming.mjs";

const NAMED = /^([^.]*)\.(.+)$/;

export async function loadHandler(root, name, takesCallbacks) {
  if (name.includes("..")) {
    throw new MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(name);
  const parts = NAMED.exec(base);
  if (!parts) throw new MalformedHandlerName("Bad handler");
  const folder = name.slice(0, name.indexOf(base));
  const module = await loadModule(root, folder, parts[1]);
  const handler = parts[2].split(".").reduce((found, key) => found?.[key], module);
  if (handler === undefined || handler === null) throw new HandlerNotFound(`${name} is undefined or not exported`);
  if (typeof handler !== "function") throw new HandlerNotFound(`${name} is not a function`);
  if (!takesCallbacks && !isStreaming(handler) && handler.length >= 3) throw new CallbackHandlerDeprecated();
  return handler;
}

export function isStreaming(handler) {
  return handler[STREAMING] === "response";
}

export function isAsync(handler) {
  return handler.constructor?.name === "AsyncFunction";
}

async function loadModule(root, folder, name) {
  try {
    return await found(root, folder, name);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserCodeSyntaxError(error);
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      throw new ImportModuleError(error);
    }
    throw error;
  }
}

async function found(root, folder, name) {
  const place = path.resolve(root, folder, name);
  const require = createRequire(import.meta.url);
  if (existsSync(`${place}.js`)) {
    return isModule(path.dirname(place)) ? imported(`${place}.js`) : require(`${place}.js`);
  }
  if (existsSync(`${place}.mjs`)) return imported(`${place}.mjs`);
  if (existsSync(`${place}.cjs`)) return require(`${place}.cjs`);
  // Also a package that the function brings, as `package/folder.handler` names it.
  try {
    return require(require.resolve(name, { paths: [root, path.resolve(root, folder)] }));
  } catch (error) {
    if (error?.code !== "MODULE_NOT_FOUND") throw error;
    const said = new Error(`Cannot find module '${name}'\nRequire stack:\n- /var/runtime/index.mjs`);
    throw Object.assign(said, { code: "MODULE_NOT_FOUND" });
  }
}

function imported(file) {
  return import(pathToFileURL(file).href);
}

// Whether the nearest package.json makes .js files of the folder ES modules.
function isModule(folder) {
  for (let place = folder; ; place = path.dirname(place)) {
    const file = path.join(place, "package.json");
    if (existsSync(file)) {
      try {
        return JSON.parse(readFileSync(file, "utf8")).type === "module";
      } catch {
        return false;
      }
    }
    if (place === path.dirname(place)) return false;
  }
}
