// ES modules find packages along NODE_PATH too, as on AWS: layers and what the runtime itself offers.

import { existsSync } from "node:fs";
import module from "node:module";

const HOOKS = `
import { pathToFileURL } from "node:url";
const places = (process.env.NODE_PATH ?? "").split(":").filter(Boolean);
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND" || /^(\\.|\\/|[a-z]+:)/.test(specifier)) throw error;
    for (const place of places) {
      try {
        const parentURL = pathToFileURL(place.replace(/node_modules\\/?$/, "") + "/_.js").href;
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
  const places = (process.env.NODE_PATH ?? "").split(":");
  const isOffered = places.some((place) => place.endsWith("/node_modules") && existsSync(place));
  // The hooks cost a thread, and some 40 ms: only where there is something to be found. Older releases of Node.js 18 have
  // none: there, CommonJS alone looks along NODE_PATH.
  if (isOffered && typeof module.register === "function") {
    module.register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
  }
}
