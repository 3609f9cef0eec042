// What is known of the request under way, for whoever asks in the middle of it: loggers, tracers and the AWS SDK find it as
// `awslambda.InvokeStore`. https://github.com/awslabs/aws-lambda-invoke-store

import { AsyncLocalStorage } from "node:async_hooks";

const PROTECTED_KEYS = {
  REQUEST_ID: Symbol.for("_AWS_LAMBDA_REQUEST_ID"),
  X_RAY_TRACE_ID: Symbol.for("_AWS_LAMBDA_X_RAY_TRACE_ID"),
  TENANT_ID: Symbol.for("_AWS_LAMBDA_TENANT_ID"),
};

class InvokeStore {
  static PROTECTED_KEYS = PROTECTED_KEYS;
  #storage = new AsyncLocalStorage();

  isProtectedKey(key) {
    return Object.values(PROTECTED_KEYS).includes(key);
  }

  getContext() {
    return this.#storage.getStore();
  }

  hasContext() {
    return this.getContext() !== undefined;
  }

  get(key) {
    return this.getContext()?.[key];
  }

  set(key, value) {
    if (this.isProtectedKey(key)) throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
    const context = this.getContext();
    if (!context) throw new Error("No context available");
    context[key] = value;
  }

  run(context, work) {
    return this.#storage.run(context, work);
  }

  getRequestId() {
    return this.get(PROTECTED_KEYS.REQUEST_ID) ?? "-";
  }

  getXRayTraceId() {
    return this.get(PROTECTED_KEYS.X_RAY_TRACE_ID);
  }

  getTenantId() {
    return this.get(PROTECTED_KEYS.TENANT_ID);
  }

  runInvocation({ requestId, traceId }, work) {
    const known = { [PROTECTED_KEYS.REQUEST_ID]: requestId, [PROTECTED_KEYS.X_RAY_TRACE_ID]: traceId };
    return this.run(known, work);
  }
}

export function offerInvokeStore() {
  const store = new InvokeStore();
  if (!["1", "true"].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) {
    globalThis.awslambda = { ...globalThis.awslambda, InvokeStore: store };
  }
  return store;
}
