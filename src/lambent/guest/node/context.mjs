// What a handler is told of its invocation: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html

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
