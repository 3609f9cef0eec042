// Errors as AWS's runtime reports and logs them.

class RuntimeFault extends Error {
  constructor(type, message) {
    super(message);
    this.name = `Runtime.${type}`;
  }
}

export class HandlerNotFound extends RuntimeFault {
  constructor(message) {
    super("HandlerNotFound", message);
  }
}

export class MalformedHandlerName extends RuntimeFault {
  constructor(message) {
    super("MalformedHandlerName", message);
  }
}

const NO_CALLBACKS_WITH_MANAGED_INSTANCES =
  "ERROR: AWS Lambda does not support callback-based function handlers when using Node.js 22 with Managed Instances. " +
  "To use Managed Instances, modify this function to use a supported handler signature. For more information see " +
  "https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.";
const NO_CALLBACKS =
  "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to " +
  "modify this function to use a supported handler signature to use Node.js 24 or later. For more information see " +
  "https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.";

export class CallbackHandlerDeprecated extends RuntimeFault {
  constructor(major) {
    super("CallbackHandlerDeprecated", major < 24 ? NO_CALLBACKS_WITH_MANAGED_INSTANCES : NO_CALLBACKS);
  }
}

export class JSONStringifyError extends RuntimeFault {
  constructor() {
    super("JSONStringifyError", "Unable to stringify response body");
  }
}

export class MalformedStreamingHandler extends RuntimeFault {
  constructor() {
    super("MalformedStreamingHandler", "Only response streaming is supported.");
  }
}

export class ImportModuleError extends RuntimeFault {
  constructor(cause) {
    super("ImportModuleError", String(cause));
    this.stack = cause.stack ?? this.stack;
  }
}

export class UserCodeSyntaxError extends RuntimeFault {
  constructor(cause) {
    super("UserCodeSyntaxError", String(cause));
    this.stack = cause.stack ?? this.stack;
  }
}

export class UnhandledPromiseRejection extends RuntimeFault {
  constructor(reason, promise) {
    super("UnhandledPromiseRejection", String(reason));
    this.reason = reason;
    this.promise = promise;
  }
}

export class NodeJsExit extends RuntimeFault {
  constructor() {
    super(
      "NodeJsExit",
      "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise " +
        "that was never settled. For more information, see " +
        "https://nodejs.org/docs/latest/api/process.html#exit-codes",
    );
  }
}

export class InvalidStreamingOperation extends RuntimeFault {
  constructor(message) {
    super("InvalidStreamingOperation", message);
  }
}

// The body of an error report; a DEL may not stand in it.
export function described(error) {
  try {
    if (!isError(error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
    const plain = (text) => text.replaceAll("\x7F", "%7F");
    const trace = typeof error.stack === "string" ? plain(error.stack).split("\n") : [];
    return { errorType: plain(error.name), errorMessage: plain(error.message), trace };
  } catch {
    return { errorType: "handled", errorMessage: UNREADABLE, trace: [] };
  }
}

const UNREADABLE =
  "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, " +
  "and stack";

export function isError(value) {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

export function intoError(value) {
  return isError(value) ? value : new Error(value);
}

// What a line in text format says of an error. What matters of one is not enumerable: as JSON it would be empty.
export function asLine(error) {
  try {
    return `\t${JSON.stringify(error, (_key, value) => (isError(value) ? spread(value) : value))}`;
  } catch {
    return `\t${JSON.stringify(described(error))}`;
  }
}

function spread(error) {
  const said = { errorType: error.name, errorMessage: error.message, code: error.code, ...error };
  return typeof error.stack === "string" ? { ...said, stack: error.stack.split("\n") } : said;
}
