// What a handler is told of its invocation: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html

const OF_W3C = ["traceparent", "tracestate", "baggage"];

// For a handler of a runtime that takes no callbacks, as since Node.js 24.
export function plainContextOf(invocation) {
  const context = contextOf(invocation);
  const fields = takeW3c(context.clientContext);
  return Object.assign(context, { xRayTraceId: invocation.traceId, w3c: () => fields });
}

// What a client context says of the trace, in W3C's words, stands in it no longer:
// https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/context/context-builder.ts
function takeW3c(clientContext) {
  const given = clientContext?.w3c;
  if (clientContext) delete clientContext.w3c;
  const isObject = given && typeof given === "object" && !Array.isArray(given);
  const named = isObject ? OF_W3C.filter((name) => typeof given[name] === "string") : [];
  return Object.freeze(Object.fromEntries(named.map((name) => [name, given[name]])));
}

// For one that streams in earlier runtimes.
export function contextOf(invocation) {
  return {
    getRemainingTimeInMillis: () => invocation.deadlineMs - Date.now(),
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(invocation.clientContext),
    identity: parsed(invocation.identity),
    invokedFunctionArn: invocation.functionArn,
    awsRequestId: invocation.requestId,
  };
}

// The same for a handler that may call back: `answered` is called with what it says.
export function callbackContextOf(invocation, answered) {
  let waits = true;
  const context = contextOf(invocation);
  Object.defineProperty(context, "callbackWaitsForEmptyEventLoop", {
    enumerable: true,
    get: () => waits,
    set: (value) => {
      waits = Boolean(value);
    },
  });
  // These three wait for nothing.
  context.done = (error, result) => answered(error, result);
  context.succeed = (result) => answered(null, result);
  context.fail = (error) => answered(error === undefined || error === null ? "handled" : error);
  return context;
}

function parsed(text) {
  return text ? JSON.parse(text) : undefined;
}
