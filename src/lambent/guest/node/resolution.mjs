// ES modules find packages along NODE_PATH too, as on AWS: those of layers. What the runtime itself offers lies above the
// function's code where the sandbox has a file system of its own.

import { existsSync } from "node:fs";
import module from "node:module";
import { pathToFileURL } from "node:url";

const PLAIN = /^(\.|\/|#|[a-z]+:)/;
const HOOKS = `
const places = PLACES;
const plain = PLAIN;
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND" || plain.test(specifier)) throw error;
    for (const parentURL of places) {
      try {
        return await next(specifier, { ...context, parentURL });
      } catch {
        continue;
      }
    }
    throw error;
  }
}
`;

export function resolveAlongNodePath() {
  const folders = (process.env.NODE_PATH ?? "").split(":");
  const offered = folders.filter((folder) => folder.endsWith("/node_modules") && existsSync(folder));
  // A module beside the folder of packages would find them.
  const places = offered
    .filter((folder) => !isAbove(folder))
    .map((folder) => pathToFileURL(`${folder.slice(0, -"node_modules".length)}_.js`).href);
  if (places.length === 0) return;
  if (typeof module.registerHooks === "function") module.registerHooks({ resolve: along(places) });
  // Before Node.js 22.15 the hooks cost a thread, and some 40 ms: only where there is something to be found. Older
  // releases of Node.js 18 have none: there, CommonJS alone looks along NODE_PATH.
  else if (typeof module.register === "function") {
    const source = HOOKS.replace("PLACES", JSON.stringify(places)).replace("PLAIN", String(PLAIN));
    module.register(`data:text/javascript,${encodeURIComponent(source)}`);
  }
}

function isAbove(folder) {
  return folder === "/var/runtime/node_modules" && existsSync("/node_modules");
}

function along(places) {
  return (specifier, context, next) => {
    try {
      return next(specifier, context);
    } catch (error) {
      if (error.code !== "ERR_MODULE_NOT_FOUND" || PLAIN.test(specifier)) throw error;
      for (const parentURL of places) {
        try {
          return next(specifier, { ...context, parentURL });
        } catch {
          continue;
        }
      }
      throw error;
    }
  };
}
