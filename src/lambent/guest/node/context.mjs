// What a handler is told of its invocation: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html

export function contextOf(invocation, callback) {
  let waits = true;
  const context = {
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
  if (callback) {
    Object.defineProperty(context, "callbackWaitsForEmptyEventLoop", {
      enumerable: true,
      get: () => waits,
      set: (value) => {
        waits = Boolean(value);
      },
    });
    context.done = (error, result) => {
      waits = false;
      callback(error, result);
    };
    context.succeed = (result) => context.done(null, result);
    context.fail = (error) => context.done(error === undefined || error === null ? "handled" : error);
  }
  return context;
}

function parsed(text) {
  return text ? JSON.parse(text) : undefined;
}
